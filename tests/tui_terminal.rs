//! The real loop in a pseudo-terminal, read back through a terminal parser: what is written, and
//! in which state the terminal is left by everything that can end a program.
//!
//! The program under test is this test binary itself: [`child`] runs the terminal on a made-up
//! node when a test starts it.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod fixtures;

use std::{
    future::poll_fn,
    io::{Read, Write},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
    time::{Duration, Instant},
};

use fixtures::scenes;
use p2pfs_tui::{
    application::client::Client,
    tui::{Options, run},
};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Generous: machines are noisy.
const DEADLINE: Duration = Duration::from_secs(60);
const PANIC: &str = "P2PFS_TUI_TEST_PANIC";

/// The program under test; not a test.
#[test]
#[ignore = "started by the other tests in a pseudo-terminal"]
fn child() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (client, mut end) = Client::pair();
    runtime.spawn(async move {
        let mut node = scenes::typical();
        while let Some(request) = end.requests.recv().await {
            if request.command == p2pfs_tui::application::message::Command::Invite {
                match std::env::var(PANIC).as_deref() {
                    Ok("screen") => ARMED.store(true, Ordering::SeqCst),
                    Ok("node") => drop(tokio::spawn(async { panic!("a task of the node broke") })),
                    Ok(_) => return,
                    Err(_) => {}
                }
            }
            for output in node.answer(request) {
                let _ = end.outputs.send(output).await;
            }
        }
    });
    let ended =
        runtime.block_on(explosive(run(client, Options { attached: true, first_start: false })));
    eprintln!("ended: {ended:?}");
    runtime.shutdown_timeout(Duration::from_secs(1));
    std::process::exit(0);
}

/// Whether the next [`Bomb`] that is let go of goes off.
static ARMED: AtomicBool = AtomicBool::new(false);

/// Panics within the screen: in the middle of its loop, which replaces one waker by the next.
struct Bomb(Waker);

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!ARMED.swap(false, Ordering::SeqCst), "the screen broke");
    }
}

/// Runs a future with bombs for wakers.
async fn explosive<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    poll_fn(|context| {
        let waker = Waker::from(Arc::new(Bomb(context.waker().clone())));
        // The loop holds clones; the last of them is let go of within its next turn.
        future.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await
}

/// A program in a pseudo-terminal.
struct Pty {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    input: Box<dyn Write + Send>,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Pty {
    fn start(variables: &[(&str, &str)]) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"]);
        for name in ["TMUX", "NO_COLOR"] {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C.UTF-8");
        command.env("RUST_BACKTRACE", "0");
        command.env("TERM", "xterm-256color");
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        let mut output = pair.master.try_clone_reader().unwrap();
        let input = pair.master.take_writer().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = output.read(&mut bytes) {
                sink.lock().unwrap().extend_from_slice(&bytes[..n]);
            }
        });
        Self { child, master: pair.master, input, seen }
    }

    fn bytes(&self) -> Vec<u8> {
        self.seen.lock().unwrap().clone()
    }

    fn screen(&self) -> vt100::Screen {
        let mut parser = vt100::Parser::new(24, 80, 0);
        parser.process(&self.bytes());
        parser.screen().clone()
    }

    #[track_caller]
    fn wait(&self, what: &str, is: impl Fn(&vt100::Screen) -> bool) -> vt100::Screen {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            if is(&screen) {
                return screen;
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "{what} never came; instead\n{}",
                screen.contents()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn shows(&self, text: &str) -> vt100::Screen {
        self.wait(text, |screen| screen.contents().contains(text))
    }

    fn press(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.process_id().unwrap()).unwrap()).unwrap()
    }

    /// Waits for the end; the terminal must be as it was found.
    #[track_caller]
    fn ends_sanely(&mut self) -> String {
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < DEADLINE, "it never ended");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.is_sane();
        self.screen().contents()
    }

    #[track_caller]
    fn is_sane(&self) {
        let sane = |screen: &vt100::Screen| {
            !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
        };
        self.wait("the shell's screen", sane);
        let cooked = rustix::termios::LocalModes::ICANON | rustix::termios::LocalModes::ECHO;
        let modes = self.master.get_termios().unwrap().local_flags;
        let modes = rustix::termios::LocalModes::from_bits_retain(modes.bits());
        assert!(modes.contains(cooked), "raw mode is still on: {modes:?}");
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

#[test]
fn it_lives_and_leaves() {
    let mut pty = Pty::start(&[]);
    let screen = pty.shows("38 known, 13 connected");
    assert!(screen.alternate_screen() && screen.hide_cursor());
    pty.press("s");
    let screen = pty.shows("Search the network");
    assert!(!screen.hide_cursor());
    pty.press("tchaikovsky\r");
    pty.shows("14 found");
    pty.press("q");
    let text = pty.ends_sanely();
    assert!(text.contains("ended: Ok(Quit)"), "{text}");
}

/// A query costs a round trip on a slow line, and seconds where nobody answers it.
#[test]
fn nothing_is_asked_of_the_terminal_and_frames_are_whole() {
    let mut pty = Pty::start(&[]);
    pty.shows("38 known, 13 connected");
    pty.press("4j?");
    pty.shows("In every pane");
    let text = String::from_utf8_lossy(&pty.bytes()).into_owned();
    for query in
        ["\x1b[6n", "\x1b[c", "\x1b[0c", "\x1b[>", "\x1b[?u", "$p", "\x1b]10;?", "\x1b]11;?"]
    {
        assert!(!text.contains(query), "{query:?} was asked");
    }
    assert!(text.matches("\x1b[?2026h").count() >= 4);
    assert_eq!(text.matches("\x1b[?2026h").count(), text.matches("\x1b[?2026l").count());
    pty.press("\x1b");
    pty.wait("the panes", |screen| !screen.contents().contains("In every pane"));
    pty.press("q");
    pty.ends_sanely();
}

#[test]
fn a_quiet_node_sends_nothing() {
    let mut pty = Pty::start(&[]);
    pty.shows("announcing 78%");
    pty.press("4");
    pty.shows("lecture-07.webm");
    // The notice of being attached fades after eight seconds: the last thing that changes.
    pty.wait("the end of the notice", |screen| !screen.contents().contains("attached to"));
    let before = pty.bytes().len();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(pty.bytes().len(), before);
    pty.press("q");
    pty.ends_sanely();
}

#[test]
fn signals_end_it_sanely() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut pty = Pty::start(&[]);
        pty.shows("38 known, 13 connected");
        kill_process(pty.pid(), signal).unwrap();
        let text = pty.ends_sanely();
        assert!(text.contains("ended: Ok(Told)"), "{signal:?}: {text}");
    }
}

#[test]
fn it_can_be_stopped_and_continued() {
    let mut pty = Pty::start(&[]);
    pty.shows("38 known, 13 connected");
    pty.press("\x1a");
    pty.is_sane();
    kill_process_group(pty.pid(), Signal::CONT).unwrap();
    let screen = pty.shows("38 known, 13 connected");
    assert!(screen.alternate_screen());
    pty.press("q");
    pty.ends_sanely();
}

#[test]
fn a_new_size_is_drawn_anew() {
    let mut pty = Pty::start(&[]);
    pty.shows("38 known, 13 connected");
    let before = pty.bytes().len();
    let size = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
    pty.master.resize(size).unwrap();
    let begun = Instant::now();
    loop {
        let mut parser = vt100::Parser::new(40, 120, 0);
        parser.process(&pty.bytes()[before..]);
        let text = parser.screen().contents();
        if text.contains("2 Shared files") && text.contains("3 Search results") {
            break;
        }
        assert!(begun.elapsed() < DEADLINE, "{text}");
        std::thread::sleep(Duration::from_millis(10));
    }
    pty.press("q");
    pty.ends_sanely();
}

#[test]
fn a_task_that_panics_is_told_and_spoils_nothing() {
    let mut pty = Pty::start(&[(PANIC, "node")]);
    pty.shows("38 known, 13 connected");
    pty.press("i");
    pty.shows("Invitation");
    pty.press("\x1b");
    // Escape and a key in one piece would be Alt and that key.
    pty.wait("the panes", |screen| !screen.contents().contains("Invitation"));
    let screen = pty.shows("a part of the program failed");
    assert!(screen.alternate_screen());
    pty.press("q");
    let text = pty.ends_sanely();
    assert!(text.contains("ended: Ok(Quit)"), "{text}");
}

#[test]
fn a_node_that_ends_is_told() {
    let mut pty = Pty::start(&[(PANIC, "end")]);
    pty.shows("38 known, 13 connected");
    pty.press("i");
    pty.shows("the node ended");
    pty.press("q");
    pty.ends_sanely();
}

#[test]
fn a_panic_of_the_screen_leaves_the_terminal_and_is_read() {
    let mut pty = Pty::start(&[(PANIC, "screen")]);
    pty.shows("38 known, 13 connected");
    pty.press("i");
    let text = pty.ends_sanely();
    assert!(text.contains("the screen broke"), "{text}");
}
