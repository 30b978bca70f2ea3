//! A guest that does what is forbidden must end, with a code of its own, and say what it did and where.

use crate::support::{Folder, MACHINES, MICROVM, Place, Ran, UNIX, can_run, uk};

/// What a deed must lead to.
struct Deed {
    name: &'static str,
    code: i32,
    /// Parts of the console's first line.
    console: &'static [&'static str],
    /// A part of the guest's source, whose line the trace must name, and the function that it is in.
    place: &'static str,
    function: &'static str,
}

/// The entry as the compiler calls it: an async function's body is a closure.
const ENTRY: &str = "{async_fn#0}";

const PANIC: Deed = Deed {
    name: "panic",
    code: 101,
    console: &["panic in job `main` at src/lib.rs:", ": panicked as asked"],
    place: "panic!(\"panicked as asked\")",
    function: ENTRY,
};
const INDEX: Deed = Deed {
    name: "index",
    code: 101,
    console: &["panic in job `main` at src/lib.rs:", "the len is 3 but the index is 3"],
    place: "black_box(few[",
    function: ENTRY,
};
const NULL_READ: Deed = Deed {
    name: "null-read",
    code: 102,
    console: &["page-fault in job `main` at address 0x0: reading where nothing is, instruction 0x"],
    place: "core::ptr::null::<u8>()",
    function: ENTRY,
};
const NULL_WRITE: Deed = Deed {
    name: "null-write",
    code: 102,
    console: &["page-fault in job `main` at address 0x0: writing where nothing is, instruction 0x"],
    place: "core::ptr::null_mut::<u8>()",
    function: ENTRY,
};
const WRITE_CODE: Deed = Deed {
    name: "write-code",
    code: 102,
    console: &["page-fault in job `main` at address 0x1", ": writing what is read-only, instruction 0x"],
    place: "write_volatile(RET)",
    function: "write",
};
const WRITE_CONSTANT: Deed = Deed { name: "write-constant", ..WRITE_CODE };
const NULL_CALL: Deed = Deed {
    name: "null-call",
    code: 102,
    console: &["page-fault in job `main` at address 0x0: ", ", instruction 0x0"],
    place: "asm!(\"call {}\"",
    function: ENTRY,
};
const EXECUTE_DATA: Deed = Deed {
    name: "execute-data",
    code: 102,
    console: &["page-fault in job `main` at address 0x", ": executing what isn't code, instruction 0x"],
    place: " function();",
    function: "call",
};
const EXECUTE_HEAP: Deed = Deed { name: "execute-heap", ..EXECUTE_DATA };
const EXECUTE_STACK: Deed = Deed { name: "execute-stack", ..EXECUTE_DATA };
const DIVIDE: Deed = Deed {
    name: "divide",
    code: 102,
    console: &["divide-error in job `main`, instruction 0x"],
    place: "asm!(\"div {}\"",
    function: ENTRY,
};
const ILLEGAL: Deed = Deed {
    name: "illegal",
    code: 102,
    console: &["invalid-opcode in job `main`, instruction 0x"],
    place: "asm!(\"ud2\")",
    function: ENTRY,
};
const OVERRUN: Deed = Deed {
    name: "overrun",
    code: 103,
    console: &["stack-overrun in job `main` at address 0x", ": the stack is full, instruction 0x"],
    place: "overrun(depth + 1)",
    function: "overrun",
};
const MEMORY: Deed = Deed {
    name: "memory",
    code: 104,
    console: &["out of memory in job `main`: 65536 bytes wanted, of "],
    place: "blocks.push(",
    function: "take_all",
};

fn run(folder: &Folder, place: Place, deed: &str) -> Ran {
    let words = [&["run"], place, &["--", "--deed", deed]].concat();
    uk(folder.path(), words).run()
}

/// The line of the guest's source that holds `part`.
fn line_of(folder: &Folder, part: &str) -> usize {
    let text = folder.read("src/lib.rs");
    text.lines().position(|line| line.contains(part)).unwrap_or_else(|| panic!("`{part}`")) + 1
}

fn is_punished(deed: &Deed, machine: Place) {
    if !can_run(machine) {
        return;
    }
    let folder = Folder::deeds();
    let ran = run(&folder, machine, deed.name).ends(deed.code);
    let console = ran.stdout.lines().next().unwrap_or_default();
    assert!(console.starts_with("deeds: "), "{ran}");
    for part in deed.console {
        assert!(console.contains(part), "`{part}`: {ran}");
    }
    let place = format!(" at /uk/deeds-0.1.0/src/lib.rs:{}", line_of(&folder, deed.place));
    let named = |line: &str| line.ends_with(&place) && line.contains(deed.function);
    assert!(ran.stderr.lines().any(named), "`{}` and `{place}` in the trace: {ran}", deed.function);
}

#[test]
fn a_panic_ends_with_101_and_a_trace_on_every_machine() {
    MACHINES.into_iter().for_each(|machine| is_punished(&PANIC, machine));
}

#[test]
fn an_index_out_of_bounds_ends_with_101_and_a_trace() {
    is_punished(&INDEX, MICROVM);
}

#[test]
fn reading_and_writing_the_zero_page_end_with_102_and_a_trace() {
    [NULL_READ, NULL_WRITE].iter().for_each(|deed| is_punished(deed, MICROVM));
}

#[test]
fn calling_the_zero_page_ends_with_102_and_a_trace() {
    is_punished(&NULL_CALL, MICROVM);
}

#[test]
fn writing_code_and_constants_ends_with_102_and_a_trace() {
    [WRITE_CODE, WRITE_CONSTANT].iter().for_each(|deed| is_punished(deed, MICROVM));
}

#[test]
fn executing_data_heap_and_stack_ends_with_102_and_a_trace() {
    [EXECUTE_DATA, EXECUTE_HEAP, EXECUTE_STACK].iter().for_each(|deed| is_punished(deed, MICROVM));
}

#[test]
fn a_division_by_zero_and_an_illegal_instruction_end_with_102_and_a_trace() {
    [DIVIDE, ILLEGAL].iter().for_each(|deed| is_punished(deed, MICROVM));
}

#[test]
fn a_stack_overrun_ends_with_103_and_a_trace_on_every_machine() {
    MACHINES.into_iter().for_each(|machine| is_punished(&OVERRUN, machine));
}

#[test]
fn lack_of_memory_ends_with_104_and_a_trace() {
    is_punished(&MEMORY, MICROVM);
}

#[test]
fn a_refused_allocation_is_no_fault() {
    for place in [UNIX, MICROVM].into_iter().filter(|place| can_run(place)) {
        run(&Folder::deeds(), place, "refused-memory").ok();
    }
}

#[test]
fn the_functions_on_memory_do_what_loops_do() {
    if can_run(MICROVM) {
        let ran = run(&Folder::deeds(), MICROVM, "copy").ok();
        // With these functions the guest reads what it is to do, too.
        assert!(ran.stdout.ends_with("] as loops do\n"), "{ran}");
    }
}

#[test]
fn a_panic_ends_with_101_and_its_place_on_unix() {
    let folder = Folder::deeds();
    let ran = run(&folder, UNIX, "panic").ends(101);
    let line = line_of(&folder, PANIC.place);
    let said = format!("deeds: panic in job `main` at src/lib.rs:{line}:");
    assert!(ran.stderr.lines().any(|l| l.starts_with(&said) && l.ends_with(": panicked as asked")), "{ran}");
}

#[test]
fn a_trace_on_unix_has_names_from_the_file_beside_the_program() {
    let folder = Folder::deeds();
    let words = [&["run"], UNIX, &["--", "--deed", "panic"]].concat();
    let ran = uk(folder.path(), words).env("RUST_BACKTRACE", "1").run().ends(101);
    let place = format!("at /uk/deeds-0.1.0/src/lib.rs:{}:", line_of(&folder, PANIC.place));
    assert!(ran.stderr.contains(&place), "`{place}`: {ran}");
}
