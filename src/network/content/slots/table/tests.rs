use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn peers<const N: usize>() -> [PeerId; N] {
    std::array::from_fn(|_| PeerId::random())
}

/// Who holds the slots, once all that are free are granted.
fn granted(table: &mut SlotTable, now: Instant) -> Vec<Ticket> {
    std::iter::from_fn(|| table.grant(now)).collect()
}

#[test]
fn the_peer_with_fewest_slots_is_next_and_then_who_was_served_longest_ago() {
    let (mut table, now) = (SlotTable::new(3), Instant::now());
    let [a, b, c] = peers();
    let of_a: Vec<_> = (0..3).map(|_| table.ask(a)).collect();
    assert_eq!(granted(&mut table, now), of_a, "nobody else wants them");
    let (fourth_of_a, of_b, of_c) = (table.ask(a), table.ask(b), table.ask(c));
    assert_eq!([of_b, of_c, fourth_of_a].map(|one| table.ahead(one)), [Some(0), Some(1), Some(2)]);
    table.leave(of_a[0]);
    assert_eq!(granted(&mut table, now), [of_b]);
    table.leave(of_b);
    // B was served just now, C never.
    let again = table.ask(b);
    assert_eq!(granted(&mut table, now), [of_c]);
    table.leave(of_a[1]);
    assert_eq!(granted(&mut table, now), [again]);
    assert_eq!(table.counts(), SlotCounts { active: 3, waiting: 1 });
}

#[test]
fn a_quantum_ends_only_while_others_wait() {
    let (mut table, start) = (SlotTable::new(1), Instant::now());
    let [a, b] = peers();
    let (first, late) = (table.ask(a), start + QUANTUM_TIME);
    assert_eq!(granted(&mut table, start), [first]);
    table.sent(first, QUANTUM);
    assert!(!table.is_over(first, 0, late), "nobody waits");
    let second = table.ask(b);
    assert!(table.is_over(first, 0, start));
    table.leave(first);
    assert_eq!(granted(&mut table, start), [second]);
    let third = table.ask(a);
    let almost = start + QUANTUM_TIME - Duration::from_millis(1);
    assert!(!table.is_over(second, QUANTUM - 1, almost));
    assert!(table.is_over(second, QUANTUM, almost) && table.is_over(second, 0, late));
    assert!(table.is_over(third, 0, start), "it has none yet");
}

#[test]
fn who_holds_many_makes_way_at_once_for_who_holds_none() {
    let (mut table, now) = (SlotTable::new(2), Instant::now());
    let [greedy, modest] = peers();
    let tickets: Vec<_> = (0..20).map(|_| table.ask(greedy)).collect();
    assert_eq!(granted(&mut table, now), tickets[..2]);
    assert!(!table.is_over(tickets[0], 0, now), "its own wait as long as there is a quantum");
    let other = table.ask(modest);
    assert_eq!(table.ahead(other), Some(0));
    assert!(table.is_over(tickets[0], 0, now));
    table.leave(tickets[0]);
    assert_eq!(granted(&mut table, now), [other]);
    assert!(!table.is_over(tickets[1], 0, now), "one each is fair");
}

#[test]
fn those_who_wait_are_counted_as_they_will_be_served() {
    let (mut table, now) = (SlotTable::new(1), Instant::now());
    let [a, b, c] = peers();
    let first = table.ask(c);
    assert_eq!(granted(&mut table, now), [first]);
    let (of_a, of_b) = ([a; 3].map(|peer| table.ask(peer)), [b; 2].map(|peer| table.ask(peer)));
    let expected = [of_a[0], of_b[0], of_a[1], of_b[1], of_a[2]];
    assert_eq!(expected.map(|one| table.ahead(one)), [0, 1, 2, 3, 4].map(Some));
    let mut before = first;
    for next in expected {
        table.leave(before);
        assert_eq!(granted(&mut table, now), [next]);
        before = next;
    }
}

#[test]
fn fewer_slots_hold_from_the_next_answer_on() {
    let (mut table, now) = (SlotTable::new(3), Instant::now());
    let tickets = peers::<3>().map(|peer| table.ask(peer));
    assert_eq!(granted(&mut table, now), tickets);
    table.set(2);
    assert!(table.is_over(tickets[0], 0, now));
    table.leave(tickets[0]);
    assert!(!table.is_over(tickets[1], 0, now));
    table.set(0);
    assert!(table.is_over(tickets[1], 0, now));
    table.leave(tickets[1]);
    assert!(!table.is_over(tickets[2], 0, now), "one is the least");
    table.set(usize::MAX);
    let many: Vec<_> = (0..2 * MAX_SLOTS).map(|_| table.ask(PeerId::random())).collect();
    assert_eq!(granted(&mut table, now), many[..MAX_SLOTS - 1]);
}

#[test]
fn only_so_many_finish_without_a_slot() {
    let (mut table, now) = (SlotTable::new(1), Instant::now());
    let mut outstay = |peer| {
        let ticket = table.ask(peer);
        assert_eq!(granted(&mut table, now), [ticket]);
        let outcome = table.outstay(ticket);
        assert_eq!(table.ends(ticket).is_none(), outcome == Outstayed::Finishes);
        if outcome != Outstayed::Finishes {
            table.leave(ticket);
        }
        outcome
    };
    let [stuck] = peers();
    let of_one: Vec<_> = (0..=MAX_FINISHING_OF_PEER).map(|_| outstay(stuck)).collect();
    assert!(of_one[..MAX_FINISHING_OF_PEER].iter().all(|one| *one == Outstayed::Finishes));
    assert_eq!(of_one[MAX_FINISHING_OF_PEER], Outstayed::IsCutOff);
    for _ in MAX_FINISHING_OF_PEER..MAX_FINISHING {
        assert_eq!(outstay(PeerId::random()), Outstayed::Finishes);
    }
    assert_eq!(outstay(PeerId::random()), Outstayed::Stays);
    assert_eq!(table.counts(), SlotCounts { active: MAX_FINISHING, waiting: 0 });
}

#[test]
fn what_is_remembered_of_peers_is_bounded() {
    let (mut table, now) = (SlotTable::new(1), Instant::now());
    for _ in 0..MAX_REMEMBERED + 100 {
        let ticket = table.ask(PeerId::random());
        assert_eq!(granted(&mut table, now), [ticket]);
        table.leave(ticket);
    }
    assert_eq!((table.served.len(), table.tickets.len()), (MAX_REMEMBERED, 0));
}

/// Plays uploads of a MiB each until so many were made; returns what each peer was sent.
fn play(slots: usize, streams: &[usize], uploads: usize) -> Vec<usize> {
    let (mut table, now) = (SlotTable::new(slots), Instant::now());
    let peers: Vec<_> = streams.iter().map(|_| PeerId::random()).collect();
    let mut conversations = Vec::new();
    for (peer, count) in streams.iter().enumerate() {
        conversations.extend((0..*count).map(|_| (peer, table.ask(peers[peer]))));
    }
    let mut sent = vec![0; streams.len()];
    let mut holding = Vec::new();
    for round in 0..uploads {
        holding.extend(granted(&mut table, now));
        assert!(!holding.is_empty() && holding.len() <= slots, "{holding:?}");
        let ticket = holding[round % holding.len()];
        let place = conversations.iter().position(|one| one.1 == ticket).expect("known");
        let peer = conversations[place].0;
        table.sent(ticket, 1 << 20);
        sent[peer] += 1;
        if table.is_over(ticket, 0, now) {
            table.leave(ticket);
            holding.retain(|one| *one != ticket);
            conversations[place].1 = table.ask(peers[peer]);
        }
    }
    sent
}

#[test]
fn three_peers_take_turns_however_many_streams_they_open() {
    for (slots, streams) in [(1, [1, 1, 1]), (1, [20, 1, 1]), (2, [20, 1, 3]), (3, [20, 20, 1])] {
        let sent = play(slots, &streams, 6_000);
        let (least, most) = (sent.iter().min().expect("three"), sent.iter().max().expect("three"));
        assert!(most - least <= 100, "{slots} slots, {streams:?} streams: {sent:?}");
    }
}

proptest! {
    #[test]
    fn every_slot_is_used_and_none_twice(
        slots in 1..6_usize,
        steps in prop::collection::vec((0..5_u8, any::<prop::sample::Index>(), 0..4_usize), 1..200),
    ) {
        let mut table = SlotTable::new(slots);
        let (peers, now) = (peers::<4>(), Instant::now());
        let (mut slots, mut tickets) = (slots, Vec::new());
        for (step, index, number) in steps {
            let chosen = (!tickets.is_empty()).then(|| index.index(tickets.len()));
            match (step, chosen) {
                (0 | 1, _) => tickets.push(table.ask(peers[number])),
                (2, Some(place)) => table.leave(tickets.swap_remove(place)),
                (3, Some(place)) => _ = table.outstay(tickets[place]),
                (4, _) => { slots = number + 1; table.set(slots) }
                _ => {}
            }
            let before = table.holding();
            granted(&mut table, now);
            let counts = table.counts();
            prop_assert_eq!(counts.active + counts.waiting, tickets.len());
            prop_assert!(table.holding() <= slots.max(before));
            prop_assert!(counts.waiting == 0 || table.holding() >= slots);
            let ahead: Vec<_> = tickets.iter().filter_map(|one| table.ahead(*one)).collect();
            prop_assert_eq!(ahead.len(), counts.waiting);
            let places: std::collections::BTreeSet<_> = ahead.into_iter().collect();
            prop_assert!(places.into_iter().eq(0..counts.waiting as u32));
        }
    }
}
