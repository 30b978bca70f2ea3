//! Repeats in capitals what is typed, line by line, until the input ends or a line is `quit`.
#![no_std]

extern crate alloc;

use alloc::vec::Vec;

use uk_device::Console;

/// Reads and writes.
pub async fn start(console: impl Console) -> uk_device::Result {
    console.write(b"Type lines; `quit` ends.\n").await?;
    let mut line = Vec::new();
    let mut buffer = [0; 256];
    loop {
        let count = console.read(&mut buffer).await?;
        if count == 0 {
            return shout(&console, &mut line).await;
        }
        for byte in &buffer[..count] {
            match byte {
                // A serial line's host may send either, or both.
                b'\n' | b'\r' if line == b"quit" => return Ok(()),
                b'\n' | b'\r' => shout(&console, &mut line).await?,
                byte => line.push(*byte),
            }
        }
    }
}

/// Writes a line, unless it is empty, and empties it.
async fn shout(console: &impl Console, line: &mut Vec<u8>) -> uk_device::Result {
    if !line.is_empty() {
        line.make_ascii_uppercase();
        line.push(b'\n');
        console.write(line).await?;
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use uk_device::fake::{Console, block_on};

    fn said(input: &str) -> alloc::string::String {
        let console = Console::with_input(input);
        block_on(super::start(&console)).expect("it ends well");
        console.output().replace("Type lines; `quit` ends.\n", "")
    }

    #[test]
    fn lines_come_back_in_capitals() {
        assert_eq!(said("hello\r\nworld\rlast"), "HELLO\nWORLD\nLAST\n");
        assert_eq!(said(""), "");
    }

    #[test]
    fn quit_ends() {
        assert_eq!(said("a\nquit\nb\n"), "A\n");
    }

    #[test]
    fn a_line_may_come_in_pieces() {
        let console = Console::new();
        ["he", "l", "lo\nqu", "it\n"].into_iter().for_each(|piece| console.type_in(piece));
        block_on(super::start(&console)).expect("it ends well");
        assert!(console.output().ends_with("\nHELLO\n"));
    }

    #[test]
    fn nobody_listening_is_an_error() {
        let console = Console::new();
        console.close();
        assert!(block_on(super::start(&console)).is_err());
    }
}
