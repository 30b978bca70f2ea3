//! How two files differ, as people read it: where first, in which part, and what stands there.

use std::path::Path;

/// So many bytes of context.
const BEFORE: usize = 32;
const AFTER: usize = 48;

/// The first differences of two files, or of two folders' files; at most `most` lines.
pub fn of_paths(first: &Path, second: &Path, most: usize) -> Vec<String> {
    let mut names: Vec<_> = files(first).into_iter().chain(files(second)).collect();
    names.sort();
    names.dedup();
    let mut lines = Vec::new();
    for name in names {
        let at = |root: &Path| if name.as_os_str().is_empty() { root.to_owned() } else { root.join(&name) };
        let shown =
            if name.as_os_str().is_empty() { String::new() } else { format!("`{}`: ", name.display()) };
        match (std::fs::read(at(first)), std::fs::read(at(second))) {
            (Ok(a), Ok(b)) if a == b => {}
            (Ok(a), Ok(b)) => lines.extend(of(&a, &b).into_iter().map(|line| format!("{shown}{line}"))),
            (Ok(_), Err(_)) => lines.push(format!("{shown}only the first has it")),
            (Err(_), _) => lines.push(format!("{shown}only the second has it")),
        }
    }
    lines.truncate(most);
    lines
}

/// The files below `root`, relative to it; an empty path for a file itself.
fn files(root: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(root) else { return vec![std::path::PathBuf::new()] };
    let mut all = Vec::new();
    for entry in entries.flatten() {
        let name = std::path::PathBuf::from(entry.file_name());
        all.extend(
            files(&entry.path())
                .into_iter()
                .map(|below| if below.as_os_str().is_empty() { name.clone() } else { name.join(below) }),
        );
    }
    all
}

/// How two contents differ.
pub fn of(first: &[u8], second: &[u8]) -> Vec<String> {
    let Some(at) = first.iter().zip(second).position(|(a, b)| a != b) else {
        return if first.len() == second.len() {
            Vec::new()
        } else {
            let (short, long) = (first.len().min(second.len()), first.len().max(second.len()));
            vec![format!("one is {short} bytes long, the other {long}, and begins with it")]
        };
    };
    let part = part(first, at).map(|part| format!(", {part}")).unwrap_or_default();
    let lengths = if first.len() == second.len() {
        String::new()
    } else {
        format!("; {} and {} bytes long", first.len(), second.len())
    };
    vec![
        format!("they differ at byte {at} ({at:#x}){part}{lengths}"),
        format!("  first   {}", around(first, at)),
        format!("  second  {}", around(second, at)),
    ]
}

/// What stands around `at`, with what can't be printed as dots.
fn around(bytes: &[u8], at: usize) -> String {
    let end = bytes.len().min(at + AFTER);
    let printable = |b: &u8| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '.' };
    let text: String = bytes[at.saturating_sub(BEFORE)..end].iter().map(printable).collect();
    let digits: Vec<String> = bytes[at..bytes.len().min(at + 8)].iter().map(|b| format!("{b:02x}")).collect();
    format!("{}  {text}", digits.join(" "))
}

/// The member of an archive and the section of an ELF file that `at` lies in.
fn part(bytes: &[u8], at: usize) -> Option<String> {
    if let Some((member, start, end)) = member(bytes, at) {
        let inside = bytes.get(start..end).and_then(|content| section(content, at.checked_sub(start)?));
        let inside = inside.map(|section| format!(", {section}")).unwrap_or_default();
        return Some(format!("in the member `{member}`{inside}"));
    }
    section(bytes, at)
}

/// Name and range of the member of a Unix archive.
fn member(bytes: &[u8], at: usize) -> Option<(String, usize, usize)> {
    const HEADER: usize = 60;
    let mut start = 8;
    bytes.strip_prefix(b"!<arch>\n")?;
    let mut long_names: &[u8] = &[];
    loop {
        let header = bytes.get(start..start + HEADER)?;
        let text = |range: std::ops::Range<usize>| std::str::from_utf8(&header[range]).ok().map(str::trim);
        let name = text(0..16)?;
        let size: usize = text(48..58)?.parse().ok()?;
        let content = start + HEADER;
        if name == "//" {
            long_names = bytes.get(content..content.checked_add(size)?)?;
        }
        if at < content.checked_add(size)? {
            let long = name
                .strip_prefix('/')
                .and_then(|n| n.parse::<usize>().ok())
                .and_then(|n| long_names.get(n..));
            let name = match long {
                Some(rest) => String::from_utf8_lossy(rest.split(|b| *b == b'/').next()?).into_owned(),
                None => name.trim_end_matches('/').to_owned(),
            };
            return Some((name, content, content + size));
        }
        start = content + size + size % 2;
    }
}

/// The section of a 64-bit little-endian ELF file.
fn section(bytes: &[u8], at: usize) -> Option<String> {
    bytes.strip_prefix(b"\x7fELF\x02\x01")?;
    let number = |from: usize, size: usize| -> Option<usize> {
        let mut word = [0; 8];
        word[..size].copy_from_slice(bytes.get(from..from.checked_add(size)?)?);
        usize::try_from(u64::from_le_bytes(word)).ok()
    };
    let (table, size, count, names) =
        (number(0x28, 8)?, number(0x3a, 2)?, number(0x3c, 2)?, number(0x3e, 2)?);
    let header = |index: usize| table.checked_add(index.checked_mul(size)?);
    let names = number(header(names)?.checked_add(0x18)?, 8)?;
    for index in 0..count {
        let header = header(index)?;
        // A section of zeros has no bytes in the file.
        const NO_BITS: usize = 8;
        let (kind, from, length) = (
            number(header.checked_add(4)?, 4)?,
            number(header.checked_add(0x18)?, 8)?,
            number(header.checked_add(0x20)?, 8)?,
        );
        if kind != NO_BITS && kind != 0 && from <= at && at < from.checked_add(length)? {
            let name = bytes.get(names.checked_add(number(header, 4)?)?..)?.split(|b| *b == 0).next()?;
            return Some(format!("in the section `{}`", String::from_utf8_lossy(name)));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_shown_with_what_is_around_it() {
        let said = of(b"built at 1700000000, by hand", b"built at 1700000001, by hand");
        assert_eq!(said[0], "they differ at byte 18 (0x12)");
        assert_eq!(said[1], "  first   30 2c 20 62 79 20 68 61  built at 1700000000, by hand");
        assert_eq!(said[2], "  second  31 2c 20 62 79 20 68 61  built at 1700000001, by hand");
        assert_eq!(of(b"same", b"same"), [""; 0]);
        assert_eq!(of(b"same", b"same and more").len(), 1);
    }

    #[test]
    fn members_and_sections_are_named() {
        let program = std::fs::read(std::env::current_exe().expect("it runs")).expect("it can be read");
        let text = format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", "name.o/", 0, 0, 0, 644, program.len());
        let archive = [b"!<arch>\n", text.as_bytes(), &program].concat();
        let at = 0x1000;
        let named = section(&program, at);
        assert!(cfg!(not(target_os = "linux")) || named.is_some(), "{named:?}");
        let part = part(&archive, at + 68).expect("it is an archive");
        assert!(part.starts_with("in the member `name.o`"), "{part}");
        assert_eq!(part.contains("in the section"), named.is_some(), "{part}");
        // Bytes from outside: whatever they are, nothing panics.
        for length in 0..archive.len().min(5000) {
            let _ = super::part(&archive[..length], length.saturating_sub(1));
            let _ = section(&program[..length], length / 2);
        }
    }
}
