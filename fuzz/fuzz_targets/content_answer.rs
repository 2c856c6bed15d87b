#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    bodies::wire::read_answer(bytes);
});
