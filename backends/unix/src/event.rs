//! The event loop: waiting for time and for file descriptors.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use uk_device::Wall;
use uk_executor::Platform;

use crate::{console, fd};

/// `poll` on the devices' file descriptors and a socket that other threads write to.
struct Events {
    start: Instant,
    /// The thread that parks.
    owner: usize,
    /// What is written to `wake` makes `woken` readable.
    wake: UnixStream,
    woken: UnixStream,
}

/// The platform of this process.
///
/// # Panics
/// If the process has no file descriptors left.
pub fn platform() -> &'static dyn Platform {
    let (wake, woken) = UnixStream::pair().expect("a process can open a pair of sockets");
    for end in [&wake, &woken] {
        end.set_nonblocking(true).expect("a socket can be made non-blocking");
    }
    uk_device::share(Events { start: Instant::now(), owner: thread(), wake, woken })
}

fn thread() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| std::ptr::from_ref(here) as usize)
}

impl Platform for Events {
    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn wall(&self) -> Option<Wall> {
        Some(console::wall())
    }

    fn park(&self, deadline: Option<u64>) {
        let timeout = deadline.map(|deadline| Duration::from_nanos(deadline.saturating_sub(self.now())));
        let mut fds = vec![libc::pollfd { fd: self.woken.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
        let tokens = fd::collect(&mut fds);
        poll(&mut fds, timeout);
        if fds[0].revents != 0 {
            let mut bytes = [0; 64];
            while (&self.woken).read(&mut bytes).is_ok_and(|count| count == bytes.len()) {}
        }
        fd::wake(&fds[1..], &tokens);
    }

    fn unpark(&self) {
        // The thread that parks doesn't wait while it does this; and a full socket wakes as well as one more byte would.
        if thread() != self.owner {
            let _ = (&self.wake).write(&[1]);
        }
    }

    fn thread(&self) -> usize {
        thread()
    }
}

/// Waits until a descriptor is ready or `timeout` is over. May return early: the caller looks at the clock again.
#[cfg(not(target_os = "macos"))]
fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>) {
    let timeout = timeout.map(|timeout| libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `fds` and `timeout` are valid for the call, and the signal mask may be null.
    unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout, std::ptr::null()) };
}

/// A Mac has no `ppoll`: milliseconds, rounded up so that nothing wakes early over and over.
#[cfg(target_os = "macos")]
fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>) {
    let timeout = timeout
        .map_or(-1, |timeout| i32::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX));
    // SAFETY: `fds` is valid for the call.
    unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout) };
}
