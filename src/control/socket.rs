//! Where a control socket is, for the kernel: binding, reaching, private folders.
//!
//! The address of a Unix socket has room for about a hundred bytes, and a data directory may lie
//! deeper than that. On Linux the folder is opened and the socket named through
//! `/proc/self/fd`, so the file is where everybody expects it.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::{DirBuilderExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};
use tokio::net::{UnixListener, UnixStream};

/// The longest path that every system takes, in bytes (macOS: 104 with the end mark).
const MAX_PATH: usize = 100;

/// A way to name a socket that the kernel accepts.
struct Address {
    path: PathBuf,
    /// Keeps the path valid where it leads through a descriptor.
    _folder: Option<OwnedFd>,
}

impl Address {
    fn of(socket: &Path) -> io::Result<Self> {
        if socket.as_os_str().len() <= MAX_PATH {
            return Ok(Self { path: socket.to_owned(), _folder: None });
        }
        let (Some(folder), Some(name)) = (socket.parent(), socket.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        if !cfg!(target_os = "linux") {
            let why = format!("the path is longer than {MAX_PATH} bytes; use a shorter folder");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(folder, flags, Mode::empty())?;
        let path = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }
}

/// Creates the folder (0700) and the socket (0600); a socket that nobody answers is replaced.
///
/// # Errors
/// [`io::ErrorKind::AddrInUse`] when a living node answers there; what the system says otherwise.
pub(super) async fn bind(socket: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = socket.parent() {
        // An existing folder keeps its mode: it may be the data directory, which is its owner's.
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    if connect(socket).await.is_ok() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(Address::of(socket)?.path.as_path())?;
    fs::set_permissions(socket, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Connects to the socket.
pub(super) async fn connect(socket: &Path) -> io::Result<UnixStream> {
    let address = Address::of(socket)?;
    UnixStream::connect(&address.path).await
}
