//! What the terminal does: keys in, commands and other effects asserted, outputs injected, the
//! screen compared.

#![allow(clippy::unwrap_used)]

mod fixtures;

use std::path::PathBuf;

use fixtures::{FakeNode, NOW, Screen, read_key, scenes};
use p2pfs_tui::{
    application::message::{
        Command, Event, Failure, FailureKind, LimitsChange, Notice, NoticeLevel, Output,
        QueuePlace, Rate, Reply, Request, TransferState, Tuning,
    },
    domain::{Field, query::QueryText},
    tui::state::{Copied, Effect, Input, KEYMAP, update},
};
use proptest::prelude::*;
use ratatui::layout::Size;

fn typical() -> Screen {
    Screen::open(scenes::typical(), 100, 30)
}

/// Commands that are not reads of what is on the screen.
fn commands(screen: &Screen) -> Vec<&Command> {
    let read = |command: &&Command| {
        matches!(
            command,
            Command::Watch
                | Command::Peers(_)
                | Command::Routing
                | Command::Roots
                | Command::Shares(_)
                | Command::Transfers(_)
                | Command::Sources { .. }
                | Command::Results { .. }
        )
    };
    screen.sent.iter().map(|request| &request.command).filter(|command| !read(command)).collect()
}

fn searched(screen: &Screen) -> Vec<QueryText> {
    let query = |command: &&Command| match command {
        Command::Search { query, .. } => Some(query.clone()),
        _ => None,
    };
    commands(screen).iter().filter_map(query).collect()
}

#[track_caller]
fn assert_shows(screen: &Screen, text: &str) {
    assert!(screen.text().contains(text), "no {text:?} in\n{}", screen.text());
}

#[track_caller]
fn assert_hides(screen: &Screen, text: &str) {
    assert!(!screen.text().contains(text), "{text:?} in\n{}", screen.text());
}

#[test]
fn search_then_fetch() {
    let mut screen = typical();
    screen.press("s").type_text("  tchaikovsky ").press("Enter");
    assert_eq!(searched(&screen), [QueryText { text: "tchaikovsky".into(), field: None }]);
    assert_shows(&screen, "14 found · 8 of 9 peers answered · done");
    screen.press("j Enter");
    let Some(Command::Get { link, destination: None, .. }) = commands(&screen).pop() else {
        panic!("{:?}", commands(&screen));
    };
    assert_eq!(link.name.as_deref(), Some("1812 Overture.mp3"));
    assert_shows(&screen, "fetching 1812 Overture.mp3");
    screen.press("4");
    assert_shows(&screen, "…  1812 Overture.mp3");
}

#[test]
fn a_result_that_we_have_is_not_fetched_again() {
    let mut screen = typical();
    screen.press("s").type_text("tchaikovsky").press("Enter G Enter");
    assert_shows(&screen, "you have The Nutcracker - Trepak.ogg already");
    assert_eq!(commands(&screen).len(), 1);
}

#[test]
fn search_by_field() {
    let mut screen = typical();
    screen.press("s").type_text("swan lake").press("Tab Tab Tab Enter");
    screen.press("s").type_text("Album: Overtures").press("Enter");
    let query = |text: &str, field| QueryText { text: text.into(), field: Some(field) };
    assert_eq!(
        searched(&screen),
        [query("swan lake", Field::Title), query("Overtures", Field::Album)]
    );
    assert!(commands(&screen).contains(&&Command::CloseSearch { search: 1 }));
}

#[test]
fn what_cannot_be_used_stays_in_the_prompt() {
    let mut screen = typical();
    screen.press("s").type_text("--").press("Enter");
    assert_shows(&screen, "the query is empty");
    screen.press("Esc d").type_text("http://example.org/x").press("Enter");
    assert_shows(&screen, "is no link of ours");
    assert_shows(&screen, "http://example.org/x");
    screen.press("Esc :").type_text("fetch x").press("Enter");
    assert_shows(&screen, "no command \"fetch\"");
    screen.press("Esc a Enter");
    assert_shows(&screen, "type the path of a file or a folder");
    assert!(commands(&screen).is_empty());
}

#[test]
fn an_empty_search_explains_itself() {
    let mut screen = Screen::open(scenes::failing(), 100, 30);
    screen.press("s").type_text("swan lake brahms").press("Enter");
    assert_shows(&screen, "Try without brahms.");
    let mut screen = Screen::open(scenes::empty(), 100, 30);
    screen.press("s").type_text("swan lake").press("Enter");
    assert_shows(&screen, "There is nobody to ask");
}

#[test]
fn a_search_that_fails_says_why() {
    let mut screen = typical();
    screen.node.failure =
        Some(Failure::new(FailureKind::NoPeers, "no peer is connected").hint("J joins"));
    screen.press("s").type_text("swan").press("Enter");
    assert_shows(&screen, "no peer is connected");
    assert_shows(&screen, "J joins");
    assert_hides(&screen, "searching");
}

#[test]
fn rows_come_while_the_selection_stays() {
    let mut screen = typical();
    screen.press("s").type_text("tchaikovsky").press("Enter j j");
    let selected = "The Nutcracker - Waltz of the Flowers.ogg";
    screen.press("z");
    assert_shows(&screen, &format!("name       {selected}"));
    // Another row gets more sources than any other and moves to the top.
    let mut row = screen.node.results[11].clone();
    row.sources = (0..30).map(scenes::peer).collect();
    row.generation = 15;
    screen.node.results[11] = row;
    screen.node.search.generation = 15;
    let news = screen.node.search.clone();
    screen.output(Output::Event(Event::Search(news)));
    assert_shows(&screen, &format!("name       {selected}"));
    assert_shows(&screen, "Romeo and Juliet.flac");
    screen.press("g");
    assert_shows(&screen, "name       Romeo and Juliet.flac");
}

#[test]
fn share_and_unshare() {
    let mut screen = typical();
    screen.press("a").type_text("~/Films/./new").press("Enter");
    screen.press("a").type_text("scans").press("Enter");
    let share = |path: &str| Command::Share { path: PathBuf::from(path), remember: true };
    assert_eq!(commands(&screen), [&share("/home/anna/Films/new"), &share("/home/anna/scans")]);
    assert_shows(&screen, "sharing /home/anna/scans: 412 files");
    screen.press("2 u");
    assert_shows(&screen, "everything in /home/anna/Music");
    screen.press("n");
    assert_eq!(commands(&screen).len(), 2);
    screen.press("u r");
    let unshare = Command::Unshare { path: PathBuf::from("/home/anna/Music") };
    assert_eq!(commands(&screen).last(), Some(&&unshare));
    screen.press("n");
    assert_shows(&screen, "others may list it for up to 22 hours more; a and ↑ shares it again");
    screen.press("Esc a Up Enter");
    assert_eq!(commands(&screen).last(), Some(&&share("/home/anna/Music")));
}

#[test]
fn a_share_that_fails_is_told_with_its_next_step() {
    let mut screen = typical();
    screen.node.failure = Some(
        Failure::new(FailureKind::Error, "/nowhere does not exist").hint("check the spelling"),
    );
    screen.press("a").type_text("/nowhere").press("Enter");
    assert_shows(&screen, "/nowhere does not exist — check the spelling");
}

#[test]
fn links_are_copied() {
    let mut screen = typical();
    screen.press("2 y 4 y 1 j y");
    let copied: Vec<&str> = screen
        .effects
        .iter()
        .map(|effect| match effect {
            Effect::Copy { text, .. } => text.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(copied[0].starts_with("magnet:?xt=urn:sha1:") && copied[0].ends_with("dn=01.flac"));
    assert!(copied[1].contains("dn=Symphony"));
    assert!(copied[2].starts_with("/ip4/192.168.1.1/udp/4001/quic-v1/p2p/12D3KooW"));
    screen.input(Input::Copied { what: Copied::Link("x".into()), result: Ok(()) });
    assert_shows(&screen, "copied the link of x — nothing to paste? z shows it in full");
    screen.input(Input::Copied { what: Copied::Invitation, result: Ok(()) });
    assert_shows(&screen, "i shows it in full");
    screen.input(Input::Copied { what: Copied::Address, result: Err("no tmux".into()) });
    assert_shows(&screen, "could not copy the peer's address: no tmux");
}

#[test]
fn transfers_are_stopped_and_tried_again() {
    let mut screen = typical();
    screen.press("4 x");
    assert_shows(&screen, "what has arrived (50.5 MiB) is");
    screen.press("y");
    assert_eq!(commands(&screen), [&Command::Cancel { transfer: 4 }]);
    assert_shows(&screen, "stopped; Enter fetches it again");
    // Nothing has arrived of the second: nothing to ask.
    screen.press("j x");
    assert_eq!(commands(&screen)[1], &Command::Cancel { transfer: 21 });
    screen.press("j x");
    assert_shows(&screen, "is over already");
    screen.press("j Enter");
    assert_eq!(commands(&screen).last(), Some(&&Command::Resume { transfer: 22 }));
    // What was stopped has nothing left that could go on.
    screen.press("g Enter");
    assert!(matches!(commands(&screen).last(), Some(Command::Get { .. })));
}

#[test]
fn transfers_are_paused_and_go_on() {
    let mut screen = typical();
    screen.press("4 p");
    assert_shows(&screen, "paused, 62% is here; p goes on");
    assert_shows(&screen, "paused Symphony");
    screen.press("p");
    assert_shows(&screen, "queued until others end, 62% is here");
    assert_eq!(
        commands(&screen),
        [&Command::Pause { transfer: 4 }, &Command::Resume { transfer: 4 }]
    );
    // What is done cannot be paused; what failed goes on.
    screen.press("j j p");
    assert_shows(&screen, "The Nutcracker - Trepak.ogg is over already");
    screen.press("j p");
    assert_eq!(commands(&screen)[2..], [&Command::Resume { transfer: 22 }]);
    screen.press(":").type_text("resume").press("Enter");
    assert_shows(&screen, "slides.pdf is on its way already");
    screen.press("1 :").type_text("pause").press("Enter");
    assert_eq!(commands(&screen).last(), Some(&&Command::Pause { transfer: 22 }));
    assert_shows(&screen, "paused slides.pdf");
    screen.press(":").type_text("pau").press("Enter");
    assert_shows(&screen, "slides.pdf is paused already");
}

fn tuned(transfer: u64, change: Tuning) -> Command {
    Command::Tune { transfer, change }
}

#[test]
fn priorities_count_from_key_to_key() {
    let mut screen = typical();
    let priority = |n| tuned(4, Tuning { priority: Some(n), ..Tuning::default() });
    screen.press("4");
    // Pressed before the node answers.
    let mut sent = Vec::new();
    for key in ["+", "=", "-"] {
        for effect in update(&mut screen.state, Input::Key(read_key(key))) {
            let Effect::Send(request) = effect else { panic!("{effect:?}") };
            sent.push(request);
        }
    }
    let asked: Vec<&Command> = sent.iter().map(|request| &request.command).collect();
    assert_eq!(asked, [&priority(1), &priority(2), &priority(1)]);
    assert_shows(&screen, "  +1 ");
    // What the node refuses does not stay on the screen.
    let result = Err(Failure::new(FailureKind::Error, "transfer 4 is over already"));
    screen.output(Output::Reply { id: sent[0].id, result });
    assert_hides(&screen, "  +1 ");
    screen.press("j j +");
    assert_shows(&screen, "is over already");
    assert!(commands(&screen).is_empty());
}

#[test]
fn transfers_move_in_the_queue_and_have_limits_of_their_own() {
    let mut screen = Screen::open(scenes::queue(), 100, 30);
    screen.press("4 j j <");
    assert_shows(&screen, "lecture-09.webm is the first of its priority");
    screen.press("k >");
    assert_shows(&screen, "lecture-08.webm is the last of its priority");
    screen.press(":").type_text("first").press("Enter");
    screen.press(":").type_text("limit fast").press("Enter");
    assert_shows(&screen, "is no size");
    screen.press("Ctrl-U").type_text("limit 500K").press("Enter");
    assert_shows(&screen, "lecture-08.webm receives at most 500 KiB/s");
    screen.press(":").type_text("limit unlimited").press("Enter");
    assert_shows(&screen, "lecture-08.webm has no limit of its own");
    let place =
        |transfer, place| tuned(transfer, Tuning { place: Some(place), ..Tuning::default() });
    let limit = |bytes| tuned(32, Tuning { limit: Some(Rate(bytes)), ..Tuning::default() });
    assert_eq!(
        commands(&screen),
        [
            &place(33, QueuePlace::First),
            &place(32, QueuePlace::Last),
            &place(32, QueuePlace::First),
            &limit(Some(500 << 10)),
            &limit(None),
        ]
    );
}

#[test]
fn limits_of_the_node_are_shown_and_set() {
    let mut screen = typical();
    assert_shows(&screen, "↓ 3.40 MiB/s  ↑ 410 KiB/s of 8 MiB/s");
    screen.press("L");
    assert_shows(&screen, "› up 8MiB down unlimited");
    screen.press("Ctrl-U").type_text("down 2MiB up").press("Enter");
    assert_shows(&screen, "up: \"\" is no size");
    screen.press("Ctrl-U").type_text("down 2MiB").press("Enter");
    let down = Some(Rate(Some(2 << 20)));
    let change = LimitsChange { down, ..LimitsChange::default() };
    assert_eq!(commands(&screen), [&Command::Limits, &Command::SetLimits(change)]);
    assert_shows(&screen, "limits: up 8 MiB/s, down 2 MiB/s — until this node ends");
    assert_shows(&screen, "↓ 3.40 MiB/s of 2 MiB/s  ↑ 410 KiB/s of 8 MiB/s");
    screen.press(":").type_text("limits").press("Enter");
    assert_shows(&screen, "› up 8MiB down 2MiB");
    screen.press("Esc :").type_text("limits up unlimited down unlimited").press("Enter");
    assert_shows(&screen, "↓ 3.40 MiB/s  ↑ 410 KiB/s ");
    assert_hides(&screen, "KiB/s of");
}

#[test]
fn limits_by_the_hours_are_told_apart_from_those_that_are_set() {
    let mut screen = Screen::open(scenes::typical(), 120, 30);
    screen.node.limits.schedule.push("09:00-17:00 up=1MiB down=2MiB".parse().unwrap());
    screen.node.limits.in_force = (Rate(Some(1 << 20)), Rate(Some(2 << 20)));
    screen.press("L");
    assert_shows(&screen, "› up 8MiB down unlimited");
    assert_shows(&screen, "for other hours; now up 1 MiB/s, down 2 MiB/s");
    screen.press("Ctrl-U").type_text("up 3MiB").press("Enter");
    assert_shows(&screen, "for other hours; now it is up 1 MiB/s, down 2 MiB/s");
    // What somebody typed meanwhile stays.
    let effects = update(&mut screen.state, Input::Key(read_key("L")));
    let Some(Effect::Send(asked)) = effects.into_iter().next() else { panic!("not asked") };
    screen.type_text("x");
    screen.output(Output::Reply {
        id: asked.id,
        result: Ok(Reply::Limits(screen.node.limits.clone())),
    });
    assert_shows(&screen, "up 1MiB down 2MiBx");
}

/// How often the sources of a transfer were asked for.
fn sources_asked(screen: &Screen, transfer: u64) -> usize {
    let asked = |request: &&Request| request.command == Command::Sources { transfer };
    screen.sent.iter().filter(asked).count()
}

#[test]
fn sources_are_read_only_while_somebody_looks() {
    let mut screen = typical();
    let second = |screen: &mut Screen, n: u64| screen.input(Input::Tick((NOW + n) * 1_000));
    screen.press("4");
    second(&mut screen, 1);
    assert_eq!(sources_asked(&screen, 4), 0);
    screen.press("z");
    assert_shows(&screen, "banned: block 4711 has another hash than its proof says");
    assert_shows(&screen, "serves 3 others first");
    screen.press("h l");
    second(&mut screen, 2);
    second(&mut screen, 3);
    assert_eq!(sources_asked(&screen, 4), 3);
    // Another is read at once, and says nothing of the first.
    screen.press("j");
    assert_eq!((sources_asked(&screen, 4), sources_asked(&screen, 21)), (3, 1));
    assert_hides(&screen, "block 4711");
    // Nothing moves there any more.
    screen.press("j");
    second(&mut screen, 4);
    second(&mut screen, 9);
    assert_eq!(sources_asked(&screen, 3), 1);
    screen.press("k k z");
    second(&mut screen, 20);
    assert_eq!(sources_asked(&screen, 4), 4);
}

#[test]
fn a_transfer_that_begins_is_the_selected_one() {
    let mut screen = typical();
    screen.press("4 j j s").type_text("tchaikovsky").press("Enter Enter 4 x");
    assert_eq!(commands(&screen).last(), Some(&&Command::Cancel { transfer: 105 }));
    // The one that comes next takes its place, though nobody moved.
    screen.press("3 j Enter 4 x");
    assert_eq!(commands(&screen).last(), Some(&&Command::Cancel { transfer: 106 }));
}

#[test]
fn the_routing_table_stays_at_its_top_until_somebody_moves() {
    let mut screen = Screen::open(scenes::typical(), 100, 30);
    let near = screen.node.routing.buckets.pop().unwrap();
    let all = std::mem::replace(&mut screen.node.routing.buckets, vec![near]);
    screen.node.snapshot.generations.peers += 1;
    screen.refresh();
    screen.node.routing.buckets.splice(0..0, all);
    screen.node.snapshot.generations.peers += 1;
    screen.refresh();
    assert_shows(&screen, "0 bits in common");
}

#[test]
fn a_finished_transfer_says_where_the_file_is() {
    let mut screen = typical();
    let mut row = screen.node.transfers[0].clone();
    row.state = TransferState::Done;
    for _ in 0..2 {
        screen.output(Output::Event(Event::Transfer(row.clone())));
    }
    assert_shows(&screen, "fetched and verified: /home/anna/Downloads/Symphony");
    screen.press("n");
    assert_hides(&screen, "2 times");
}

#[test]
fn filters_show_what_matches_and_lead_back() {
    let mut screen = Screen::open(scenes::huge(), 100, 30);
    screen.press("2 /");
    screen.input(Input::Paste("043210".into()));
    assert_shows(&screen, "1 of 100,000; Esc shows all");
    screen.press("Enter");
    assert_shows(&screen, "many/043210.flac");
    screen.press("Esc");
    assert_shows(&screen, "43,211/100,000");
    screen.press("/");
    screen.input(Input::Paste("nothing like it".into()));
    screen.press("Enter");
    assert_shows(&screen, "Nothing here matches the filter");
}

#[test]
fn only_what_is_visible_is_read() {
    let mut screen = Screen::open(scenes::huge(), 100, 30);
    screen.press("2");
    let before = screen.sent.len();
    screen.press("j j PgDn k");
    assert_eq!(screen.sent.len(), before);
    screen.press("G");
    assert_shows(&screen, "099999.flac");
    assert_eq!(screen.sent.len(), before + 1);
    let limits = screen.sent.iter().filter_map(|request| match request.command {
        Command::Shares(window) => Some(window.limit),
        _ => None,
    });
    assert!(limits.max().unwrap() < 300);
}

#[test]
fn a_list_is_read_again_when_it_changed_and_only_then() {
    let mut screen = typical();
    screen.press("2");
    let before = screen.sent.len();
    screen.refresh();
    assert_eq!(screen.sent.len(), before);
    screen.node.snapshot.generations.shares += 1;
    screen.node.shares.truncate(3);
    screen.refresh();
    assert_hides(&screen, "04.flac");
}

#[test]
fn leaving_asks_only_if_work_would_stop() {
    let mut screen = typical();
    screen.press("q");
    assert_shows(&screen, "2 transfers would stop");
    screen.press("n");
    assert_eq!(screen.effects, []);
    screen.press("q y");
    assert_eq!(screen.effects, [Effect::Quit]);

    let mut forced = typical();
    forced.press("Ctrl-C Ctrl-C");
    assert_eq!(forced.effects, [Effect::Quit]);

    let mut attached = Screen::with(scenes::typical(), 100, 30, |setup| setup.attached = true);
    assert_shows(&attached, "it goes on when you leave");
    attached.press("q");
    assert_eq!(attached.effects, [Effect::Quit]);

    let mut idle = Screen::open(scenes::empty(), 100, 30);
    idle.press(":").type_text("quit").press("Enter");
    assert_eq!(idle.effects, [Effect::Quit]);
}

#[test]
fn ctrl_c_closes_what_is_open_first() {
    let mut screen = typical();
    screen.press("s").type_text("half a word").press("Ctrl-C");
    assert_hides(&screen, "Search the network");
    assert_eq!(screen.effects, []);
}

#[test]
fn an_invitation_is_shown_in_full_and_copied() {
    let mut screen = Screen::open(scenes::empty(), 120, 40);
    screen.press("i");
    assert_shows(&screen, "p2pfs-join:p2pfs?peer=/ip4/192.168.1.23/tcp/4001/p2p/12D3KooW");
    screen.press("y");
    let text = scenes::invite();
    assert_eq!(screen.effects, [Effect::Copy { text: text.clone(), what: Copied::Invitation }]);
    screen.press("Esc J");
    screen.input(Input::Paste(format!("{text}\n")));
    screen.press("Enter");
    assert_eq!(commands(&screen).last(), Some(&&Command::Join { link: text }));
    assert_shows(&screen, "joined: 2 peers answered");
}

#[test]
fn pasted_text_opens_the_prompt_that_it_is_made_for() {
    for (text, title) in [
        (scenes::invite(), "Join with an invitation"),
        (format!("p2pfs:{}", "a".repeat(52)), "Fetch a link"),
        ("/srv/music".into(), "Share a file or a folder"),
        ("swan lake".into(), "Search the network"),
    ] {
        let mut screen = typical();
        screen.input(Input::Paste(text));
        assert_shows(&screen, title);
        assert!(commands(&screen).is_empty());
    }
}

#[test]
fn notices_fade_and_stay_in_the_log() {
    let mut screen = typical();
    screen.output(Output::Event(Event::Notice(Notice {
        level: NoticeLevel::Warning,
        text: "the disk is \u{1b}[5mnearly full".into(),
        hint: Some("free some space".into()),
    })));
    assert_shows(&screen, "! the disk is ␛[5mnearly full — free some space");
    screen.input(Input::Tick(NOW * 1_000 + 60_000));
    assert_hides(&screen, "nearly full");
    screen.press("n");
    assert_shows(&screen, "nearly full");
    assert_shows(&screen, "1 min ago");
}

#[test]
fn a_node_that_ends_is_told_and_can_be_left() {
    let mut screen = typical();
    screen.input(Input::NodeGone);
    assert_shows(&screen, "the node ended");
    screen.press("2 j s").type_text("swan").press("Enter Ctrl-C");
    assert_eq!(screen.effects, [Effect::Quit]);
}

#[test]
fn nothing_is_asked_of_a_node_that_ended() {
    let mut screen = typical();
    screen.press("s").type_text("swan");
    screen.input(Input::NodeGone);
    screen.press("Enter");
    assert_shows(&screen, "the node ended: nothing can be asked of it");
    screen.press("Esc :").type_text("share /srv").press("Enter");
    assert_shows(&screen, "the node ended: nothing can be asked of it");
    screen.press("Esc s");
    assert_hides(&screen, "Search the network");
    screen.press("a d J i L 2 y 4 x y p + < n");
    assert_shows(&screen, "✗ the node ended: nothing can be asked of it");
    assert!(commands(&screen).is_empty());
    screen.press("Esc Esc");
    assert_hides(&screen, "nothing to do");
    assert_hides(&screen, "s search");
}

#[test]
fn a_search_does_not_wait_for_a_node_that_ended() {
    let mut screen = typical();
    screen.node.search.end = None;
    screen.node.results.clear();
    screen.press("s").type_text("swan").press("Enter");
    assert_shows(&screen, "searching swan");
    screen.input(Input::NodeGone);
    assert_shows(&screen, "the node ended before it answered");
    assert_hides(&screen, "searching");
}

#[test]
fn keys_without_effect_say_so_and_are_not_offered() {
    let mut screen = typical();
    assert_hides(&screen, "y copy address");
    screen.press("y");
    assert_shows(&screen, "select a peer to copy its");
    screen.press("Esc j");
    assert_shows(&screen, "y copy address");
    let mut screen = Screen::open(scenes::empty(), 100, 30);
    for (keys, says) in [
        ("2 u", "no shared file is selected"),
        ("2 y", "nothing is selected that could be copied"),
        ("4 x", "no transfer is selected"),
        ("4 p", "no transfer is selected"),
        ("4 <", "no transfer is selected"),
        ("4 Enter", "nothing is selected"),
    ] {
        screen.press(keys);
        assert_shows(&screen, says);
        screen.press("Esc");
        assert_hides(&screen, "copy link");
        assert_hides(&screen, "unshare");
        assert_hides(&screen, "x stop");
        assert_hides(&screen, "p pause");
    }
}

#[test]
fn a_question_follows_what_it_is_about() {
    let mut screen = typical();
    screen.press("q");
    screen.node.snapshot.transfers.active = 1;
    screen.refresh();
    assert_shows(&screen, "1 transfer would stop");
    screen.node.snapshot.transfers.active = 0;
    screen.refresh();
    assert_hides(&screen, "Leave?");
    assert_shows(&screen, "nothing would stop — q leaves");
    screen.press("4 x");
    assert_shows(&screen, "Stop this transfer?");
    let mut row = screen.node.transfers[0].clone();
    row.state = TransferState::Done;
    screen.output(Output::Event(Event::Transfer(row)));
    assert_hides(&screen, "Stop this transfer?");
}

#[test]
fn a_list_that_cannot_be_read_is_not_called_empty() {
    let mut screen = typical();
    let Effect::Send(read) = update(&mut screen.state, Input::Key(read_key("2"))).pop().unwrap()
    else {
        panic!("no read");
    };
    let result = Err(Failure::new(FailureKind::Error, "the catalogue is busy"));
    screen.output(Output::Reply { id: read.id, result });
    assert_shows(&screen, "could not be read: the catalogue is busy");
    assert_hides(&screen, "nothing yet");
}

#[test]
fn reasons_and_choices_are_not_cut_off() {
    let mut screen = Screen::open(scenes::typical(), 80, 24);
    let folder = "/home/anna/a/folder/whose/path/is/longer/than/any/screen/is/wide/Operas of 1901";
    for share in &mut screen.node.shares {
        share.path = format!("{folder}/{}", share.path.display()).into();
        share.root = folder.into();
    }
    screen.press("2 u");
    assert_shows(&screen, "Operas of 1901 ");
    assert_shows(&screen, "everything in");
    screen.press("n");
    screen.output(Output::Event(Event::Notice(Notice {
        level: NoticeLevel::Error,
        text: format!("{}/01.flac: permission denied", folder.replace(' ', "-")).into(),
        hint: None,
    })));
    assert_shows(&screen, "01.flac: permission denied");
}

#[test]
fn a_full_queue_is_told_and_the_read_is_tried_again() {
    let mut screen = typical();
    let effects = update(&mut screen.state, Input::Key(read_key("2")));
    let ids: Vec<u64> = effects
        .iter()
        .map(|effect| match effect {
            Effect::Send(request) => request.id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids.len(), 2, "roots and shares: {effects:?}");
    for id in &ids {
        assert_eq!(update(&mut screen.state, Input::Refused(*id)), []);
    }
    assert_shows(&screen, "the node is too busy to listen");
    screen.input(Input::Tick(NOW * 1_000 + 1_000));
    assert_shows(&screen, "Rusalka/01.flac");
    // A reply to a command that was given up is dropped.
    let result = Err(Failure::new(FailureKind::Error, "late"));
    screen.output(Output::Reply { id: ids[0], result });
    assert_hides(&screen, "late");
}

#[test]
fn the_first_start_explains_itself_and_blocks_nothing() {
    let mut screen = Screen::with(scenes::typical(), 80, 24, |setup| setup.first_start = true);
    for text in [
        "36 files in /home/anna/Music and 1 more",
        "/home/anna/Downloads",
        "press s",
        "peers see your address",
    ] {
        assert_shows(&screen, text);
    }
    screen.press("j 4");
    assert_shows(&screen, "Welcome");
    assert_shows(&screen, "lecture-07.webm");
    screen.press("Esc");
    assert_hides(&screen, "Welcome");
}

#[test]
fn a_quiet_node_changes_nothing_on_the_screen() {
    let mut screen = typical();
    let before = screen.buffer();
    for second in 1..30 {
        screen.input(Input::Tick((NOW + second) * 1_000));
        screen.node.snapshot.rates.total_up += 1;
        screen.refresh();
    }
    assert_eq!(screen.buffer(), before);
}

#[test]
fn every_key_of_the_help_is_a_key_that_can_be_pressed() {
    for binding in KEYMAP {
        for chord in binding.chords {
            let key = chord.label();
            let named = match key.as_str() {
                "↑" => "Up".into(),
                "↓" => "Down".into(),
                other => other.replace('←', "Left").replace('→', "Right"),
            };
            if !matches!(named.as_str(), "Space" | "Del") {
                let event = read_key(&named);
                assert_eq!(event.code, chord.code, "{key}");
            }
        }
    }
}

fn scene(n: u8) -> FakeNode {
    match n {
        0 => scenes::empty(),
        1 => scenes::typical(),
        2 => scenes::failing(),
        _ => scenes::hostile(),
    }
}

fn any_input() -> impl Strategy<Value = Input> {
    let chords: Vec<_> = KEYMAP.iter().flat_map(|binding| binding.chords).collect();
    let keys = (0..chords.len()).prop_map(move |n| {
        Input::Key(crossterm::event::KeyEvent::new(chords[n].code, chords[n].modifiers))
    });
    prop_oneof![
        12 => keys,
        2 => any::<char>().prop_map(|c| Input::Key(crossterm::event::KeyEvent::new(
            crossterm::event::KeyCode::Char(c), crossterm::event::KeyModifiers::NONE))),
        1 => (0_u16..200, 0_u16..70).prop_map(|(width, height)| Input::Resize(Size { width, height })),
        1 => ".{0,60}".prop_map(Input::Paste),
        1 => (0_u64..100_000).prop_map(|ms| Input::Tick(NOW * 1_000 + ms)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_pressed_panics(
        n in 0_u8..4,
        first_start: bool,
        inputs in prop::collection::vec(any_input(), 0..60),
    ) {
        let mut screen = Screen::with(scene(n), 90, 30, |setup| setup.first_start = first_start);
        for input in inputs {
            screen.input(input);
            screen.terminal();
        }
    }
}
