//! Quoted, multi-line and raw strings.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::String;
use core::ops::Range;

use crate::cursor::{Cursor, is_newline, is_space};

impl<'t, S, P: Fn(Range<usize>) -> S> Cursor<'t, S, P> {
    /// Reads the string whose opening `"` is here.
    pub fn quoted(&mut self) -> Cow<'t, str> {
        if self.rest().starts_with("\"\"\"") {
            let body = self.body(3, "\"\"\"", Form { escapes: true, lines: true });
            return Cow::Owned(unescape(&self.dedent(&resolve_space_escapes(body.text), &body)));
        }
        let body = self.body(1, "\"", Form { escapes: true, lines: false });
        if body.text.contains('\\') { Cow::Owned(unescape(body.text)) } else { Cow::Borrowed(body.text) }
    }

    /// Reads the raw string whose first `#` is here; `hashes` of them stand before the quote.
    pub fn raw(&mut self, hashes: usize) -> Cow<'t, str> {
        let quotes = if self.text[self.pos + hashes..].starts_with("\"\"\"") { 3 } else { 1 };
        let close = "\"".repeat(quotes) + &"#".repeat(hashes);
        let body = self.body(hashes + quotes, &close, Form { escapes: false, lines: quotes == 3 });
        if quotes == 3 { Cow::Owned(self.dedent(body.text, &body)) } else { Cow::Borrowed(body.text) }
    }

    /// Passes the opening of `open` bytes, the body, and `close`.
    fn body(&mut self, open: usize, close: &str, form: Form) -> Body<'t> {
        let start = self.pos;
        self.pos += open;
        let inside = self.pos;
        let opening = start..inside;
        loop {
            let plain = |b: &&u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\');
            self.pos += self.text.as_bytes()[self.pos..].iter().take_while(plain).count();
            let Some(c) = self.char() else { break };
            if self.rest().starts_with(close) {
                let text = &self.text[inside..self.pos];
                self.pos += close.len();
                return Body { text, whole: start..self.pos, closed: true };
            }
            if is_newline(c) && !form.lines {
                break;
            }
            if c == '\\' && form.escapes {
                self.escape();
                continue;
            }
            self.refuse_forbidden(c);
            self.pos += c.len_utf8();
        }
        let what = if form.lines { "in the file" } else { "on its line" };
        let fault =
            self.fault(opening.clone(), format!("a text in quotes is never closed {what}"), "it starts here");
        fault.help = Some(if form.lines {
            format!("write `{close}` on a line of its own where the text ends")
        } else {
            format!(
                "write `{close}` where the text ends; for several lines start with `\"\"\"` and a new line"
            )
        });
        Body { text: &self.text[inside..self.pos], whole: opening, closed: false }
    }

    /// Checks the escape here and passes it.
    fn escape(&mut self) {
        let start = self.pos;
        self.pos += 1;
        match self.char() {
            Some('"' | '\\' | 'b' | 'f' | 'n' | 'r' | 't' | 's') => self.pos += 1,
            Some('u') => {
                self.pos += 1;
                if let Some((length, _)) = unicode_escape(self.rest()) {
                    self.pos += length;
                } else {
                    let fault = self.fault(start..self.pos, "a `\\u` without a character's number", "here");
                    fault.help =
                        Some("write up to six hexadecimal digits in braces, as `\\u{e9}`".to_owned());
                }
            }
            Some(c) if is_space(c) || is_newline(c) => {
                while let Some(c) = self.char().filter(|c| is_space(*c) || is_newline(*c)) {
                    self.pos += c.len_utf8();
                }
            }
            // The closing quotes or the end follow; the caller says what is missing.
            None => {}
            Some(c) => {
                self.pos += c.len_utf8();
                let fault =
                    self.fault(start..self.pos, format!("`\\{}` isn't an escape", c.escape_debug()), "here");
                fault.help = Some(
                    "escapes are `\\\"`, `\\\\`, `\\b`, `\\f`, `\\n`, `\\r`, `\\t`, `\\s` and `\\u{...}`; \
                     a lone backslash is `\\\\`, and `#\"...\"#` has no escapes at all"
                        .to_owned(),
                );
            }
        }
    }

    /// A multi-line string's lines without the indentation that its last line has.
    fn dedent(&mut self, text: &str, body: &Body<'_>) -> String {
        let text = unify_newlines(text);
        let Some(lines) = text.strip_prefix('\n') else {
            if body.closed {
                let fault =
                    self.fault(body.whole.clone(), "a `\"\"\"` text must start with a new line", "here");
                fault.help = Some("go to a new line after the opening `\"\"\"`".to_owned());
            }
            return String::new();
        };
        let (lines, indent) = lines.rsplit_once('\n').unwrap_or(("", lines));
        if !body.closed {
            return String::new();
        }
        if !indent.chars().all(is_space) {
            let fault =
                self.fault(body.whole.clone(), "a `\"\"\"` text must end on a line of its own", "here");
            fault.help = Some("put the closing `\"\"\"` on a new line".to_owned());
            return String::new();
        }
        let mut out = String::with_capacity(lines.len());
        for (number, line) in lines.split('\n').enumerate() {
            if number > 0 {
                out.push('\n');
            }
            if line.chars().all(is_space) {
                continue;
            }
            match line.strip_prefix(indent) {
                Some(line) => out.push_str(line),
                None => {
                    let fault = self.fault(
                        body.whole.clone(),
                        "a line of a `\"\"\"` text is indented less than its closing quotes",
                        "in this text",
                    );
                    fault.help =
                        Some(format!("indent line {} of it as far as the closing `\"\"\"`", number + 1));
                    return out;
                }
            }
        }
        out
    }
}

#[derive(Clone, Copy)]
struct Form {
    escapes: bool,
    lines: bool,
}

struct Body<'t> {
    text: &'t str,
    /// For messages: all of it, or only the opening quotes when it is never closed.
    whole: Range<usize>,
    closed: bool,
}

fn unify_newlines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\r' && chars.peek() == Some(&'\n') {
            continue;
        }
        out.push(if is_newline(c) { '\n' } else { c });
    }
    out
}

/// Takes out `\` with the white space after it: KDL does this before it looks at a text's indentation.
fn resolve_space_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        if c != '\\' {
            continue;
        }
        match chars.peek().copied() {
            Some(next) if is_space(next) || is_newline(next) => {
                out.pop();
                while chars.next_if(|c| is_space(*c) || is_newline(*c)).is_some() {}
            }
            // The second half of an escape never starts another one.
            Some(next) => {
                out.push(next);
                chars.next();
            }
            None => {}
        }
    }
    out
}

/// Undoes escapes that [`Cursor::escape`] has checked; what it complained about is left as it is.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(c) = rest.chars().next() else { break };
        rest = &rest[c.len_utf8()..];
        match c {
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            's' => out.push(' '),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'u' => {
                if let Some((length, c)) = unicode_escape(rest) {
                    out.push(c);
                    rest = &rest[length..];
                }
            }
            c if is_space(c) || is_newline(c) => {
                rest = rest.trim_start_matches(|c| is_space(c) || is_newline(c))
            }
            c => out.push(c),
        }
    }
    out.push_str(rest);
    out
}

/// `{` hex digits `}` at the start of `text`: its length and the character.
fn unicode_escape(text: &str) -> Option<(usize, char)> {
    let digits = text.strip_prefix('{')?;
    let digits = &digits[..digits.find('}')?];
    if !(1..=6).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?;
    Some((digits.len() + 2, c))
}
