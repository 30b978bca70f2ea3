//! What the backends of all targets share: the look of log lines and of endings. Applications need none of it.

use core::fmt::{self, Write};

use log::{Level, LevelFilter, Log, Metadata, Record};
use uk_keys::{Filter, same_name};

use crate::Wall;

/// The exit code of a wrong command line.
pub const USAGE: u8 = 64;
/// The exit code of a panic.
pub const PANIC: u8 = 101;
/// The exit code of a processor's exception.
pub const FAULT: u8 = 102;
/// The exit code of a stack overrun.
pub const STACK: u8 = 103;
/// The exit code of a lack of memory.
pub const MEMORY: u8 = 104;

/// How many bytes a console passes on at once: a pipe of Linux that can be written at all takes as many without waiting.
pub const CHUNK: usize = 4096;

/// How many of `bytes` a console writes at once: all lines that fit into a [`CHUNK`], or else a chunk.
pub fn chunk(bytes: &[u8]) -> usize {
    let most = &bytes[..bytes.len().min(CHUNK)];
    if most.len() == bytes.len() {
        return most.len();
    }
    most.iter().rposition(|byte| *byte == b'\n').map_or(most.len(), |newline| newline + 1)
}

/// A moment, to be shown in local time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Civil {
    /// Seconds since 1970-01-01 00:00:00 UTC.
    pub seconds: i64,
    /// As in [`Wall`].
    pub offset: Option<i32>,
}

impl fmt::Display for Civil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = i64::from(self.offset.unwrap_or(0));
        let local = self.seconds + offset;
        let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = date(days);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let sign = if self.offset.is_some() && offset > -60 { '+' } else { '-' };
        let (hours, minutes) = (offset.abs() / 3_600, offset.abs() / 60 % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} {sign}{hours:02}:{minutes:02}"
        )
    }
}

/// Days since 1970-01-01 as year, month and day of the Gregorian calendar. The year is counted from March, so that
/// the leap day comes last, and in eras of 400 years, which have 146,097 days.
fn date(days: i64) -> (i64, i64, i64) {
    let from_march_0 = days + 719_468;
    let (era, day) = (from_march_0.div_euclid(146_097), from_march_0.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march_month = (5 * day + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, day - (153 * march_month + 2) / 5 + 1)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; the inverse of what a [`Wall`] prints.
pub fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let march_month = (month + 9) % 12;
    let of_year = (153 * march_month + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

/// The name under which a log target is shown and filtered: the crate's name, without a leading `uk-`, or
/// `application` for the application's crate.
#[derive(Clone, Copy)]
struct Name<'a>(&'a str);

impl<'a> Name<'a> {
    fn of(target: &'a str, application: &str) -> Self {
        let krate = target.split("::").next().unwrap_or(target);
        if same_name(krate, application) {
            return Name("application");
        }
        Name(krate.strip_prefix("uk_").or(krate.strip_prefix("uk-")).unwrap_or(krate))
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.0.split('_').enumerate() {
            f.write_str(if i == 0 { "" } else { "-" })?;
            f.write_str(part)?;
        }
        Ok(())
    }
}

fn filter_level(level: Level) -> uk_keys::Level {
    match level {
        Level::Error => uk_keys::Level::Error,
        Level::Warn => uk_keys::Level::Warning,
        Level::Info => uk_keys::Level::Info,
        Level::Debug => uk_keys::Level::Debug,
        Level::Trace => uk_keys::Level::Trace,
    }
}

fn max_level(filter: &Filter) -> LevelFilter {
    match filter.highest() {
        uk_keys::Level::Quiet => LevelFilter::Off,
        uk_keys::Level::Error => LevelFilter::Error,
        uk_keys::Level::Warning => LevelFilter::Warn,
        uk_keys::Level::Info => LevelFilter::Info,
        uk_keys::Level::Debug => LevelFilter::Debug,
        uk_keys::Level::Trace => LevelFilter::Trace,
    }
}

struct Logger {
    application: &'static str,
    filter: &'static Filter,
    print: fn(&str, &Record<'_>),
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let name = Name::of(metadata.target(), self.application);
        self.filter.enabled(name.0, filter_level(metadata.level()))
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            (self.print)(self.application, record);
        }
    }

    fn flush(&self) {}
}

/// Hands what is logged, as far as `filter` lets it through, to `print`, with `application`, the application's crate:
/// both are for [`write_line`]. An application that has set a logger of its own keeps it.
pub fn log_with(application: &'static str, filter: &'static Filter, print: fn(&str, &Record<'_>)) {
    if log::set_logger(crate::share(Logger { application, filter, print })).is_ok() {
        log::set_max_level(max_level(filter));
    }
}

/// Writes one log line: `2026-11-23 08:54:44 -01:00: INF [application] hello`.
pub fn write_line(out: &mut dyn Write, now: Wall, application: &str, record: &Record<'_>) -> fmt::Result {
    let tag = match record.level() {
        Level::Error => "ERR",
        Level::Warn => "WRN",
        Level::Info => "INF",
        Level::Debug => "DBG",
        Level::Trace => "TRC",
    };
    write!(out, "{now}: {tag} [{}] ", Name::of(record.target(), application))?;
    out.write_fmt(*record.args())?;
    out.write_char('\n')
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};
    use core::time::Duration;

    fn shown(seconds: i64, offset: Option<i32>) -> String {
        Civil { seconds, offset }.to_string()
    }

    #[test]
    fn moments_are_dates() {
        assert_eq!(shown(0, Some(0)), "1970-01-01 00:00:00 +00:00");
        assert_eq!(shown(951_782_399, Some(0)), "2000-02-28 23:59:59 +00:00");
        assert_eq!(shown(951_782_400, Some(0)), "2000-02-29 00:00:00 +00:00");
        assert_eq!(shown(4_107_542_400, Some(0)), "2100-03-01 00:00:00 +00:00");
        assert_eq!(shown(-1, Some(0)), "1969-12-31 23:59:59 +00:00");
        assert_eq!(shown(1_795_424_084, None), "2026-11-23 08:54:44 -00:00");
        assert_eq!(shown(1_795_424_084 + 3600, Some(-3600)), "2026-11-23 08:54:44 -01:00");
        assert_eq!(shown(0, Some(19_800)), "1970-01-01 05:30:00 +05:30");
        assert_eq!(shown(0, Some(-1_800)), "1969-12-31 23:30:00 -00:30");
    }

    #[test]
    fn chunks_end_with_lines_where_they_can() {
        let mut long = alloc::vec![b'x'; 3 * CHUNK];
        assert_eq!((chunk(b""), chunk(b"a\nb"), chunk(&long)), (0, 3, CHUNK));
        long[CHUNK] = b'\n';
        assert_eq!(chunk(&long), CHUNK);
        long[..100].fill(b'\n');
        assert_eq!(chunk(&long), 100);
        assert_eq!(chunk(&long[2 * CHUNK..]), CHUNK);
    }

    #[test]
    fn every_day_of_800_years_comes_back() {
        for day in -146_097..146_097 {
            let (year, month, of_month) = date(day);
            assert!((1..=12).contains(&month) && (1..=31).contains(&of_month));
            assert_eq!(days(year, month, of_month), day);
        }
    }

    #[test]
    fn lines_look_like_the_tutorial() {
        for (target, wanted) in [
            ("hello_key", "application"),
            ("hello_key::deep::module", "application"),
            ("uk_net_direct::arp", "net-direct"),
            ("smoltcp", "smoltcp"),
            ("hello_key_2", "hello-key-2"),
        ] {
            let mut line = String::new();
            let record =
                Record::builder().target(target).level(Level::Info).args(format_args!("hello")).build();
            let now = Wall { unix: Duration::from_secs(1_795_427_684), offset: Some(-3600) };
            write_line(&mut line, now, "hello-key", &record).expect("a string takes everything");
            assert_eq!(line, alloc::format!("2026-11-23 08:54:44 -01:00: INF [{wanted}] hello\n"));
        }
    }

    #[test]
    fn filters_go_by_the_shown_name() {
        let filter = Filter::parse("*:error,application:debug,net-direct:quiet").expect("it is a filter");
        let filter = crate::share(filter);
        let logger = Logger { application: "hello-key", filter, print: |_, _| () };
        let enabled =
            |target, level| logger.enabled(&Metadata::builder().target(target).level(level).build());
        assert!(enabled("hello_key::x", Level::Debug));
        assert!(!enabled("hello_key::x", Level::Trace));
        assert!(!enabled("uk_net_direct", Level::Error));
        assert!(enabled("smoltcp", Level::Error) && !enabled("smoltcp", Level::Warn));
        assert_eq!(max_level(filter), LevelFilter::Debug);
    }
}
