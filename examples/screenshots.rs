//! Draws the pictures of the documentation from the real view code: `docs/images/*.svg`.
//!
//! ```sh
//! cargo run --example screenshots
//! ```

#[path = "../tests/fixtures/mod.rs"]
mod fixtures;

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(fixtures::pictures::FOLDER);
    fs::create_dir_all(&folder)?;
    for (name, svg) in fixtures::pictures::all() {
        fs::write(folder.join(name), svg)?;
    }
    Ok(())
}
