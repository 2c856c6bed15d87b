#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    bodies::wire::content_answer(bytes);
});
