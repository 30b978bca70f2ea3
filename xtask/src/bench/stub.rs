//! A bare PVH stub: prints one line on the serial port and stops. The peer of `bench image`, not part of any image.
#![no_std]
#![no_main]

core::arch::global_asm!(
    r#"
.section .note.pvh,"a",@note
.align 4
.long 4, 4, 18
.asciz "Xen"
.align 4
.long start32
.text
.code32
.globl start32
start32:
    mov $text, %esi
    mov $0x3f8, %dx
1:  lodsb
    test %al, %al
    jz 2f
    out %al, %dx
    jmp 1b
2:  mov $0xf4, %dx
    out %al, %dx
    cli
    hlt
.section .rodata
text: .asciz "stub\n"
"#,
    options(att_syntax)
);

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
