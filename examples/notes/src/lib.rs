//! Notes that survive boots, `kill -9` of the machine and a loss of power: what was said to be added is there.
//!
//! `add TEXT...` adds a note for each text, `list` shows all, `remove NUMBER...` removes some at once.
#![no_std]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use uk_device::{Args, Change, Error, KvError, KvRw};

/// The folder of the notes.
const FOLDER: &str = "notes";

/// Does what the words say.
pub async fn start(args: impl Args, kv_rw: impl KvRw) -> uk_device::Result {
    let words: Vec<&str> = args.words().collect();
    match words[..] {
        ["add", ref texts @ ..] if !texts.is_empty() => add(&kv_rw, texts).await,
        ["list"] => list(&kv_rw).await,
        ["remove", ref numbers @ ..] if !numbers.is_empty() => remove(&kv_rw, numbers).await,
        _ => Err(Error::exit(2, "say `add TEXT...`, `list`, or `remove NUMBER...`")),
    }
}

/// A note's key: their order is that of the numbers.
fn key(number: u32) -> String {
    format!("{FOLDER}/{number:010}")
}

/// The numbers of all notes, in order.
async fn numbers(kv_rw: &impl KvRw) -> uk_device::Result<Vec<u32>> {
    match kv_rw.list(FOLDER).await {
        Ok(entries) => Ok(entries.iter().filter_map(|entry| entry.name.parse().ok()).collect()),
        // A folder is there when something is in it.
        Err(KvError::NotFound) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

async fn add(kv_rw: &impl KvRw, texts: &[&str]) -> uk_device::Result {
    let last = numbers(kv_rw).await?.last().copied().unwrap_or(0);
    for (number, text) in (last + 1..).zip(texts) {
        kv_rw.set(&key(number), text.as_bytes()).await?;
        log::info!("added {number}");
    }
    Ok(())
}

async fn list(kv_rw: &impl KvRw) -> uk_device::Result {
    for number in numbers(kv_rw).await? {
        let key = key(number);
        let text = kv_rw.get(&key).await.map_err(|error| Error::new(format!("`{key}`: {error}")))?;
        log::info!("{number} {}", String::from_utf8_lossy(text.as_ref()));
    }
    Ok(())
}

/// All of them or none.
async fn remove(kv_rw: &impl KvRw, numbers: &[&str]) -> uk_device::Result {
    let mut keys = Vec::new();
    for number in numbers {
        let parsed = number.parse().map_err(|_| Error::exit(2, format!("`{number}` isn't a number")))?;
        keys.push(key(parsed));
    }
    let changes: Vec<Change<'_>> = keys.iter().map(|key| Change::Remove { key }).collect();
    match kv_rw.batch(&changes).await {
        Ok(()) => log::info!("removed {}", numbers.join(", ")),
        Err(KvError::NotFound) => return Err(Error::exit(3, "there is no such note: nothing is removed")),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use uk_device::fake::{Args, Logs, block_on};

    fn run<'w>(notes: &uk_kv_memory::Memory, words: impl IntoIterator<Item = &'w str>) -> uk_device::Result {
        block_on(super::start(Args::new(words), notes))
    }

    #[test]
    fn notes_are_added_listed_and_removed() {
        let notes = block_on(uk_kv_memory::connect()).expect("nothing can go wrong");
        let logs = Logs::capture();
        run(&notes, ["list"]).expect("there are none");
        run(&notes, ["add", "milk", "two words"]).expect("there is room");
        run(&notes, ["remove", "1"]).expect("it is there");
        run(&notes, ["add", "bread"]).expect("there is room");
        run(&notes, ["list"]).expect("there are two");
        assert_eq!(logs.lines(), ["added 1", "added 2", "removed 1", "added 3", "2 two words", "3 bread"]);
        assert_eq!(run(&notes, ["remove", "2", "1"]).expect_err("one is gone").code(), 3);
        assert_eq!(run(&notes, ["remove", "x"]).expect_err("no number").code(), 2);
        assert_eq!(run(&notes, []).expect_err("no word").code(), 2);
        run(&notes, ["list"]).expect("both are still there");
        assert_eq!(logs.lines()[6..], ["2 two words", "3 bread"]);
    }
}
