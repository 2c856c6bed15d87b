use super::*;

fn peers<const N: usize>() -> [PeerId; N] {
    std::array::from_fn(|_| PeerId::random())
}

#[tokio::test(start_paused = true)]
async fn a_slot_goes_on_when_its_turn_is_dropped() {
    let slots = Slots::new(1);
    let counts = slots.counts();
    let [a, b] = peers();
    let (mut first, mut second) = (slots.ask(a), slots.ask(b));
    assert!(first.is_granted() && !second.is_granted());
    assert_eq!(second.ahead(), 0);
    assert_eq!(*counts.borrow(), SlotCounts { active: 1, waiting: 1 });
    drop(first);
    second.granted().await;
    slots.set(2);
    let mut third = slots.ask(a);
    assert!(third.is_granted());
    drop((second, third));
    assert_eq!(*counts.borrow(), SlotCounts::default());
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_outstayed_when_its_time_is_over_and_somebody_waits() {
    let slots = Slots::new(1);
    let [a, b] = peers();
    let mut first = slots.ask(a);
    first.granted().await;
    let start = time::Instant::now();
    let waits = async {
        time::sleep(3 * QUANTUM_TIME).await;
        let mut second = slots.ask(b);
        second.granted().await;
        start.elapsed()
    };
    let (outstayed, served) = tokio::join!(first.outstayed(), waits);
    assert_eq!(outstayed, Ok(()));
    assert_eq!(served.as_secs(), 3 * QUANTUM_TIME.as_secs());
    assert!(first.is_over(0), "it is to ask again");
}
