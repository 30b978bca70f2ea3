//! The first program.
extern "C" {
    static for_all: u8;
    static for_bins: u8;
    static for_one: u8;
}

fn main() {
    let address = |symbol: *const u8| symbol as usize;
    // Only the symbols' addresses are looked at.
    let symbols = unsafe { [address(&raw const for_all), address(&raw const for_bins), address(&raw const for_one)] };
    print!("{}program\n{}", coverage::report(), shout::variables!());
    println!("{symbols:x?} {:?}", std::panic::catch_unwind(|| "unwinds"));
}
