//! Where the parts of the image are; link.ld defines the symbols.

use core::ops::Range;

unsafe extern "C" {
    static __text: u8;
    static __rodata: u8;
    static __data: u8;
    static __fault_guard: u8;
    static __fault_stack: u8;
    static __double_guard: u8;
    static __double_stack: u8;
    static __stack_guard: u8;
    static __stack: u8;
    static __stack_top: u8;
    static __end: u8;
}

macro_rules! ranges {
    ($($(#[$doc:meta])* $name:ident = $from:ident .. $to:ident;)*) => { $(
        $(#[$doc])*
        pub fn $name() -> Range<usize> {
            (&raw const $from).addr()..(&raw const $to).addr()
        }
    )* };
}

ranges! {
    /// All of it.
    all = __text..__end;
    /// What may be executed.
    text = __text..__rodata;
    /// What may only be read.
    rodata = __rodata..__data;
    /// The stack of exceptions.
    fault_stack = __fault_stack..__double_guard;
    /// The stack of exceptions within exceptions.
    double_stack = __double_stack..__stack_guard;
    /// What is below the main stack.
    stack_guard = __stack_guard..__stack;
    /// The main stack.
    stack = __stack..__stack_top;
    /// What is below `fault_stack`.
    fault_guard = __fault_guard..__fault_stack;
    /// What is below `double_stack`.
    double_guard = __double_guard..__double_stack;
}
