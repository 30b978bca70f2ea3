//! From the PVH entry to Rust, and the handlers of exceptions and interrupts.
//!
//! PVH starts the image in 32-bit protected mode without paging, interrupts off, `ebx` at the start information
//! (<https://xenbits.xen.org/docs/unstable/misc/pvh.html>).

use core::arch::global_asm;

use crate::lapic;

/// The segments of the GDT: code 8, data 16, task state 24.
pub const CODE: u16 = 8;
pub const TASK: u16 = 24;

/// Bytes from one exception's stub to the next's.
pub const STUB: usize = 16;

unsafe extern "C" {
    /// Stubs of the 32 exceptions, `STUB` bytes each.
    pub safe static exception_stubs: u8;
    /// Ends an interrupt: it has done its work by ending `hlt`.
    pub safe static interrupt_stub: u8;
    /// Does nothing, for interrupts that want no acknowledgement.
    pub safe static spurious_stub: u8;
    /// The GDT with room for the task state.
    pub static mut boot_gdt: [u64; 5];
    // link.ld reserves the tables, zero as .bss is.
    /// Tables for the first 4 GiB in pages of 2 MiB.
    pub static mut boot_pages: [u64; 2048];
    /// The table above them: one entry a GiB.
    pub static mut boot_gigabytes: [u64; 512];
}

global_asm!(
    r#"
    .section .note.pvh, "a", @note
    .balign 4
    .long 4                       // length of the name
    .long 8                       // length of the description
    .long 18                      // XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .balign 4
    .quad pvh_start

    .section .text.boot, "ax", @progbits
    .code32
    .globl pvh_start
pvh_start:
    cli
    cld
    mov esp, offset __stack_top
    // One table a level, identity, all of it writable and executable: `paging` sets the rights.
    mov eax, offset boot_gigabytes + 3
    mov [boot_root], eax
    mov eax, offset boot_pages + 3
    xor ecx, ecx
2:  mov [boot_gigabytes + ecx * 8], eax
    add eax, 4096
    inc ecx
    cmp ecx, 4
    jne 2b
    mov eax, 0x83                 // present, writable, 2 MiB
    xor ecx, ecx
3:  mov [boot_pages + ecx * 8], eax
    add eax, 0x200000
    inc ecx
    cmp ecx, 2048
    jne 3b
    mov eax, 0x620                // PAE, OSFXSR, OSXMMEXCPT
    mov cr4, eax
    mov eax, offset boot_root
    mov cr3, eax
    mov ecx, 0xc0000080           // EFER: long mode and no-execute
    rdmsr
    or eax, 0x900
    wrmsr
    mov eax, 0x80010033           // PG, WP, NE, ET, MP, PE
    mov cr0, eax
    lgdt [boot_gdt_register]
    ljmp 8, offset long_mode

    .code64
long_mode:
    mov eax, 16
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    fninit
    mov edi, ebx
    mov esp, offset __stack_top
    xor ebp, ebp
    call uk_boot
    ud2

    // Exceptions end the unikernel: only what `fault` shows is kept. Some come with an error code, the others get 0.
    .balign 16
    .globl exception_stubs
exception_stubs:
    .set vector, 0
    .rept 32
    .balign 16
    .if !((0x60227d00 >> vector) & 1)
    push 0
    .endif
    push vector
    jmp exception
    .set vector, vector + 1
    .endr

exception:
    push rbp
    mov rdi, rsp
    and rsp, -16
    cld
    call uk_fault
    ud2

    .globl interrupt_stub
interrupt_stub:
    push rax
    mov eax, {end_of_interrupt}
    mov dword ptr [rax], 0
    pop rax
    .globl spurious_stub
spurious_stub:
    iretq

    .section .data.boot, "aw", @progbits
    .balign 8
    .globl boot_gdt
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff      // 64-bit code
    .quad 0x00cf93000000ffff      // data
    .quad 0, 0                    // task state
boot_gdt_register:
    .word 39
    .quad boot_gdt

    .text
    "#,
    end_of_interrupt = const lapic::BASE + lapic::END_OF_INTERRUPT,
);
