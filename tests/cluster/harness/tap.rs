//! The only system call of the harness that Rust has no safe name for: an interface whose frames this process carries.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use nix::libc;

/// Length of an interface's name, with the zero after it.
const NAME: usize = 16;

/// What the kernel is told of the interface: its name, its kind, and room that it does not read.
#[repr(C)]
struct Interface {
    name: [u8; NAME],
    kind: libc::c_short,
    room: [u8; 22],
}

mod call {
    use super::{Interface, libc};
    nix::ioctl_write_ptr_bad!(
        set_interface,
        nix::request_code_write!(b'T', 202, size_of::<libc::c_int>()),
        Interface
    );
}

/// A new interface in the namespace of this thread: what is sent through it can be read here, and what is written here
/// arrives at it. It is gone when the file is closed. There is none yet by this name, or the answer is "busy".
#[expect(unsafe_code, reason = "an ioctl")]
pub fn open(name: &str) -> io::Result<File> {
    let file = File::options().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
    let kind = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_TUN_EXCL;
    let mut interface = Interface {
        name: [0; NAME],
        kind: libc::c_short::from_ne_bytes(u16::try_from(kind).expect("sixteen bits").to_ne_bytes()),
        room: [0; 22],
    };
    interface.name[..name.len()].copy_from_slice(name.as_bytes());
    // SAFETY: the kernel reads and writes one `ifreq`, as long as `Interface`, which lives until the call is over.
    unsafe { call::set_interface(file.as_raw_fd(), &raw const interface) }?;
    Ok(file)
}
