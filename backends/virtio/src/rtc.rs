//! The time of day from the CMOS clock, to the second.

use uk_device::backend::days;

use crate::cpu::{in8, out8};

fn register(number: u8) -> u8 {
    out8(0x70, number);
    in8(0x71)
}

/// Seconds since 1970, or `None` where there is no such clock.
pub fn seconds() -> Option<i64> {
    // The clock updates once a second, for 2 ms at most; two equal readings weren't torn by one.
    for _ in 0..10_000 {
        let first = read();
        if register(0x0a) & 0x80 == 0 && first == read() {
            return decode(first);
        }
    }
    None
}

/// Second, minute, hour, day, month, year, format.
fn read() -> [u8; 7] {
    [0x00, 0x02, 0x04, 0x07, 0x08, 0x09, 0x0b].map(register)
}

fn decode(registers: [u8; 7]) -> Option<i64> {
    let format = registers[6];
    let number =
        |value: u8| i64::from(if format & 4 == 0 { (value >> 4) * 10 + (value & 15) } else { value });
    let [second, minute, hour, day, month, year, _] = registers;
    let afternoon = format & 2 == 0 && hour & 0x80 != 0;
    let hour = match number(hour & 0x7f) {
        12 if format & 2 == 0 => 0,
        hour => hour,
    } + if afternoon { 12 } else { 0 };
    let (day, month) = (number(day), number(month));
    // An empty bus reads 0xff.
    if !(1..=31).contains(&day) || !(1..=12).contains(&month) || hour > 23 {
        return None;
    }
    let days = days(2000 + number(year), month, day);
    Some(days * 86_400 + hour * 3_600 + number(minute) * 60 + number(second))
}
