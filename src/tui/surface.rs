//! [`Surface`]: the backend that remembers what the terminal shows.
//!
//! Invariant: one frame is one write inside a synchronised update, and a frame that changes
//! nothing writes nothing, not even the cursor. The position of the cursor is remembered, never
//! asked for.

use std::io::{self, Write};

use crossterm::{
    QueueableCommand,
    cursor::{Hide, MoveTo, Show},
    terminal::{self, BeginSynchronizedUpdate, Clear, EndSynchronizedUpdate},
};
use ratatui::{
    backend::{Backend, ClearType, CrosstermBackend, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
};

/// The cursor as the terminal has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cursor {
    Unknown,
    Hidden,
    At(Position),
}

/// Collects what is written and passes it on in one piece, when flushed.
struct Collector<W: Write> {
    bytes: Vec<u8>,
    out: W,
}

impl<W: Write> Write for Collector<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let mut whole = Vec::with_capacity(self.bytes.len() + 16);
        whole.queue(BeginSynchronizedUpdate)?;
        whole.append(&mut self.bytes);
        whole.queue(EndSynchronizedUpdate)?;
        self.out.write_all(&whole)?;
        self.out.flush()
    }
}

/// A backend that collects a frame and writes it at once.
pub(super) struct Surface<W: Write = io::Stdout> {
    /// Encodes cells and collects the frame.
    frame: CrosstermBackend<Collector<W>>,
    /// The cursor that the terminal has.
    shown: Cursor,
    /// The cursor that the frame wants.
    wanted: Cursor,
    position: Position,
}

impl Surface {
    /// The terminal of this process.
    pub(super) fn stdout() -> Self {
        Self::new(io::stdout())
    }
}

impl<W: Write> Surface<W> {
    fn new(out: W) -> Self {
        Self {
            frame: CrosstermBackend::new(Collector { bytes: Vec::new(), out }),
            shown: Cursor::Unknown,
            wanted: Cursor::Hidden,
            position: Position::ORIGIN,
        }
    }

    /// Somebody else wrote to the terminal: nothing is known of its cursor.
    pub(super) fn forget(&mut self) {
        self.shown = Cursor::Unknown;
    }
}

impl<W: Write> Backend for Surface<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        // A cursor would be seen running over the screen.
        if self.shown != Cursor::Hidden {
            self.frame.queue(Hide)?;
            self.shown = Cursor::Hidden;
        }
        self.frame.draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.wanted = Cursor::Hidden;
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.wanted = Cursor::At(self.position);
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.position)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.position = position.into();
        if matches!(self.wanted, Cursor::At(_)) {
            self.wanted = Cursor::At(self.position);
        }
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, kind: ClearType) -> io::Result<()> {
        // Queued, not executed: it belongs to the frame that follows.
        self.frame.queue(Clear(match kind {
            ClearType::All => terminal::ClearType::All,
            ClearType::AfterCursor => terminal::ClearType::FromCursorDown,
            ClearType::BeforeCursor => terminal::ClearType::FromCursorUp,
            ClearType::CurrentLine => terminal::ClearType::CurrentLine,
            ClearType::UntilNewLine => terminal::ClearType::UntilNewLine,
        }))?;
        Ok(())
    }

    fn size(&self) -> io::Result<Size> {
        self.frame.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.frame.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.wanted != self.shown {
            match self.wanted {
                Cursor::At(Position { x, y }) => {
                    self.frame.queue(MoveTo(x, y))?.queue(Show)?;
                }
                Cursor::Hidden | Cursor::Unknown => {
                    self.frame.queue(Hide)?;
                }
            }
            self.shown = self.wanted;
        }
        Write::flush(&mut self.frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::RefCell, rc::Rc};

    /// Counts writes.
    #[derive(Clone, Default)]
    struct Writes(Rc<RefCell<Vec<Vec<u8>>>>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().push(bytes.to_vec());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn frame(
        surface: &mut Surface<Writes>,
        cells: &[(u16, u16, &Cell)],
        cursor: Option<(u16, u16)>,
    ) {
        surface.draw(cells.iter().copied()).expect("draw");
        match cursor {
            None => surface.hide_cursor().expect("hide"),
            Some(position) => {
                surface.show_cursor().expect("show");
                surface.set_cursor_position(position).expect("move");
            }
        }
        surface.flush().expect("flush");
    }

    #[test]
    fn a_frame_is_one_write_and_nothing_new_is_none() {
        let writes = Writes::default();
        let mut surface = Surface::new(writes.clone());
        let cell = Cell::new("x");
        frame(&mut surface, &[(0, 0, &cell), (5, 1, &cell)], None);
        assert_eq!(writes.0.borrow().len(), 1);
        assert!(writes.0.borrow()[0].starts_with(b"\x1b[?2026h"));
        assert!(writes.0.borrow()[0].ends_with(b"\x1b[?2026l"));
        frame(&mut surface, &[], None);
        assert_eq!(writes.0.borrow().len(), 1);
        frame(&mut surface, &[], Some((3, 1)));
        assert_eq!(writes.0.borrow().len(), 2);
        frame(&mut surface, &[], Some((3, 1)));
        assert_eq!(writes.0.borrow().len(), 2);
        frame(&mut surface, &[(0, 0, &cell)], Some((3, 1)));
        let last = writes.0.borrow()[2].clone();
        assert!(last.ends_with(b"\x1b[2;4H\x1b[?25h\x1b[?2026l"));
    }
}
