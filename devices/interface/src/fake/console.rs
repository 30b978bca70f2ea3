//! A console for tests.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::Future;
use core::task::{Poll, Waker};

use crate::{ConsoleError, Result};

/// A console whose input a test writes and whose output it reads.
///
/// ```
/// use uk_device::fake::{Console, block_on};
/// use uk_device::{Console as _, Result};
///
/// async fn echo(console: impl uk_device::Console) -> Result {
///     let mut buffer = [0; 16];
///     let count = console.read(&mut buffer).await?;
///     Ok(console.write(&buffer[..count]).await?)
/// }
///
/// let console = Console::with_input("hello");
/// block_on(echo(&console)).expect("the console works");
/// assert_eq!(console.output(), "hello");
/// ```
#[derive(Default)]
pub struct Console {
    /// What was typed and not read, one entry a call.
    input: RefCell<VecDeque<Vec<u8>>>,
    ended: Cell<bool>,
    closed: Cell<bool>,
    readers: RefCell<Vec<Waker>>,
    output: RefCell<Vec<u8>>,
}

impl Console {
    /// A console at which somebody sits who hasn't typed anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// A console whose input is `input` and then its end.
    pub fn with_input(input: impl AsRef<[u8]>) -> Self {
        let console = Console::new();
        console.type_in(input);
        console.end();
        console
    }

    /// Adds to the input. One read gives at most what one call typed.
    pub fn type_in(&self, input: impl AsRef<[u8]>) {
        if !input.as_ref().is_empty() {
            self.input.borrow_mut().push_back(input.as_ref().to_vec());
        }
        self.wake();
    }

    /// Ends the input.
    pub fn end(&self) {
        self.ended.set(true);
        self.wake();
    }

    /// Makes every further write fail with [`ConsoleError::Closed`].
    pub fn close(&self) {
        self.closed.set(true);
    }

    /// What was written.
    ///
    /// # Panics
    /// If that isn't UTF-8.
    pub fn output(&self) -> String {
        String::from_utf8(self.bytes()).expect("a test that writes other bytes looks at `bytes`")
    }

    /// What was written, whatever it is.
    pub fn bytes(&self) -> Vec<u8> {
        self.output.borrow().clone()
    }

    fn wake(&self) {
        self.readers.take().into_iter().for_each(Waker::wake);
    }
}

impl crate::Console for Console {
    fn read(&self, buffer: &mut [u8]) -> impl Future<Output = Result<usize, ConsoleError>> {
        core::future::poll_fn(move |context| {
            let mut input = self.input.borrow_mut();
            let Some(first) = input.front_mut().filter(|_| !buffer.is_empty()) else {
                if buffer.is_empty() || self.ended.get() {
                    return Poll::Ready(Ok(0));
                }
                self.readers.borrow_mut().push(context.waker().clone());
                return Poll::Pending;
            };
            let count = first.len().min(buffer.len());
            buffer[..count].copy_from_slice(&first[..count]);
            first.drain(..count);
            if first.is_empty() {
                input.pop_front();
            }
            Poll::Ready(Ok(count))
        })
    }

    async fn write(&self, bytes: &[u8]) -> Result<(), ConsoleError> {
        if self.closed.get() {
            return Err(ConsoleError::Closed);
        }
        self.output.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }
}
