//! One pool of jobs for actions and for what they run themselves: the pipe of GNU make's job server.
//!
//! A byte in the pipe is a job that nobody does. One is taken for an action before it begins and put back when it has
//! ended. The action may take more of them itself, a byte for each thread or process beyond the first, and puts them back.
//! One that was killed doesn't; so the pool is made whole whenever nothing runs.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::io::{Errno, read, write};
use rustix::pipe::{PipeFlags, pipe_with};

/// As many bytes fit in the smallest of pipes; more threads than that nobody wants.
const MOST: usize = 4096;

/// The pool.
#[derive(Debug)]
pub(crate) struct Tokens {
    from: OwnedFd,
    to: OwnedFd,
    count: usize,
}

impl Tokens {
    /// A whole pool of `jobs`.
    ///
    /// # Errors
    /// When no descriptors are left.
    pub(super) fn new(jobs: usize) -> std::io::Result<Self> {
        // Nobody inherits the two: who shares the pool opens it anew, and can't change how these are read.
        let flags = PipeFlags::CLOEXEC | PipeFlags::NONBLOCK;
        let (from, to) = pipe_with(flags)?;
        let tokens = Self { from, to, count: jobs.clamp(1, MOST) };
        tokens.refill();
        Ok(tokens)
    }

    /// How many there are in all.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Takes one, if one is there.
    pub(super) fn take(&self) -> bool {
        loop {
            match read(&self.from, &mut [0]) {
                Err(Errno::INTR) => {}
                result => return result == Ok(1),
            }
        }
    }

    /// Puts one back.
    pub(super) fn give(&self) {
        // A full pipe has more tokens than it should, and one that is lost comes back with `refill`.
        while write(&self.to, b"+") == Err(Errno::INTR) {}
    }

    /// Makes the pool whole. Only while no action runs.
    pub(super) fn refill(&self) {
        while self.take() {}
        (0..self.count).for_each(|_| self.give());
    }

    /// Can be read when there is one.
    pub(super) fn source(&self) -> BorrowedFd<'_> {
        self.from.as_fd()
    }

    /// Paths by which children of this process open the pipe, to take and to put back.
    pub(crate) fn ends(&self) -> [PathBuf; 2] {
        let process = std::process::id();
        [&self.from, &self.to].map(|end| format!("/proc/{process}/fd/{}", end.as_raw_fd()).into())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::io::{Read, Write};

    use super::*;

    fn all(tokens: &Tokens) -> usize {
        (0..MOST * 2).take_while(|_| tokens.take()).count()
    }

    #[test]
    fn there_are_as_many_as_jobs_and_at_least_one() {
        for (jobs, count) in [(0, 1), (1, 1), (2, 2), (300, 300), (usize::MAX, MOST)] {
            let tokens = Tokens::new(jobs).unwrap();
            assert_eq!((tokens.count(), all(&tokens)), (count, count));
            tokens.give();
            assert_eq!(all(&tokens), 1);
        }
    }

    #[test]
    fn what_was_lost_or_put_back_twice_is_made_good() {
        let tokens = Tokens::new(3).unwrap();
        assert!(tokens.take() && tokens.take());
        tokens.refill();
        assert_eq!(all(&tokens), 3);
        (0..MOST * 100).for_each(|_| tokens.give());
        tokens.refill();
        assert_eq!(all(&tokens), 3);
    }

    #[test]
    fn whoever_opens_the_ends_shares_the_pool() {
        let tokens = Tokens::new(2).unwrap();
        let [from, to] = tokens.ends();
        let (mut from, mut to) =
            (File::open(from).unwrap(), OpenOptions::new().write(true).open(to).unwrap());
        // These block, whatever the pool's own do.
        from.read_exact(&mut [0]).unwrap();
        assert_eq!(all(&tokens), 1);
        to.write_all(b"+").unwrap();
        assert_eq!(all(&tokens), 1);
    }
}
