//! What happens to blocks, by example.

use super::*;

const B: u32 = BLOCK as u32;
const ONE: Owner = (1, 1);
const TWO: Owner = (2, 2);

fn spans() -> Spans {
    Spans::new(vec![SPAN as u32, 3 * B + 5, 1])
}

#[test]
fn a_short_last_block_counts_what_it_has() {
    let spans = spans();
    assert_eq!((spans.all(0), spans.all(1), spans.all(2), spans.all(3)), (u64::MAX, 15, 1, 0));
    assert_eq!(spans.bytes(0, u64::MAX), SPAN);
    assert_eq!(spans.bytes(1, 0b0111), 3 * BLOCK);
    assert_eq!(spans.bytes(1, 0b1000), 5);
    assert_eq!(spans.bytes(1, u64::MAX), 3 * BLOCK + 5);
    assert_eq!(spans.bytes(2, 1), 1);
    assert_eq!(spans.bytes_wanted(), SPAN + 3 * BLOCK + 6);
}

#[test]
fn a_block_goes_from_missing_through_asked_to_here() {
    let mut spans = spans();
    assert_eq!(spans.missing(1), 0b1111);
    spans.claim(1, 0b0011, ONE);
    assert_eq!((spans.missing(1), spans.have(1)), (0b1100, 0));
    assert_eq!(spans.arrive(1, 0b0001), Some([Some(ONE), None]));
    assert_eq!((spans.missing(1), spans.have(1)), (0b1100, 0b0001));
    assert_eq!(spans.arrive(1, 0b0001), None, "it is here");
    assert_eq!(spans.arrive(1, 0b1_0000), None, "there is no such block");
    spans.release(1, ONE);
    assert_eq!(spans.missing(1), 0b1110);
    spans.check().expect("invariant");
}

#[test]
fn what_is_asked_twice_is_released_twice() {
    let mut spans = spans();
    spans.claim(1, 0b0111, ONE);
    spans.claim(1, 0b0110, TWO);
    spans.release(1, ONE);
    assert_eq!(spans.missing(1), 0b1001, "the other request still owns two");
    spans.release(1, TWO);
    assert_eq!(spans.missing(1), 0b1111);
    assert!(spans.active(1).is_none(), "nothing is kept of a span that is untouched again");
    spans.check().expect("invariant");
}

#[test]
fn a_whole_span_costs_nothing_and_can_be_lost() {
    let mut spans = spans();
    spans.keep(1, u64::MAX);
    assert!(spans.active(1).is_none());
    assert_eq!((spans.have(1), spans.bytes_done()), (0b1111, 3 * BLOCK + 5));
    spans.lose(1, 0b1000);
    assert_eq!((spans.have(1), spans.missing(1)), (0b0111, 0b1000));
    assert_eq!(spans.bytes_done(), 3 * BLOCK);
    spans.check().expect("invariant");
}

#[test]
fn only_what_is_wanted_counts() {
    let mut spans = spans();
    spans.keep(2, 1);
    assert!(spans.set_wanted(0, false) && spans.set_wanted(2, false));
    assert!(!spans.set_wanted(2, false), "nothing new");
    assert_eq!((spans.bytes_wanted(), spans.bytes_done()), (3 * BLOCK + 5, 0));
    assert_eq!(spans.arrive(0, 1), None, "not wanted");
    spans.keep(1, 0b1111);
    assert!(spans.is_done());
    assert!(spans.set_wanted(2, true) && spans.is_done());
    assert!(spans.set_wanted(0, true) && !spans.is_done());
    spans.check().expect("invariant");
}
