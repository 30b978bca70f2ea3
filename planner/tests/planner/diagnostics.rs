//! Every fault as a person sees it. Read each message as someone who has never seen the tool.

use crate::support::{Desk, EXAMPLE, SMALL};
use uk_backends::Target;
use uk_diagnostic::{Code, Diagnostic};

/// What is said about `text` on a target, and its codes.
fn said(text: &str, catalogue: &[(&str, &str)], target: Target, set: &[&str]) -> (Vec<Code>, String) {
    let mut desk = Desk::default();
    let mut faults: Vec<Diagnostic> = set.iter().filter_map(|pair| desk.set(pair).err()).collect();
    match desk.check(text, catalogue, target) {
        Ok(graph) => faults.extend(graph.warnings().iter().cloned()),
        Err(more) => faults.extend(more),
    }
    (faults.iter().map(|f| f.code).collect(), desk.draw(&faults))
}

macro_rules! faults {
    ($($name:ident: $catalogue:ident, $target:ident, [$($set:literal),*], [$($code:ident),+], $text:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let (codes, drawn) = said($text, $catalogue, Target::$target, &[$($set),*]);
                insta::assert_snapshot!(drawn);
                assert_eq!(codes, [$(Code::$code),+]);
            }
        )*
    };
}

faults! {
    three_syntax_faults: SMALL, Unix, [], [Syntax, Syntax, Syntax],
        "unikernel hello\nkey hello type=string default=\"Hello\nkey port type=u16 default=80a\n\njob main entry= {\n    time default-time\n}\n";
    path_without_quotes: SMALL, Unix, [], [Syntax, Syntax],
        "unikernel hello\ndevice disk block-of-file file=images/disk.img\njob main entry=hello::start(x)\n";
    unclosed_block: SMALL, Unix, [], [Syntax], "unikernel hello\njob main entry=\"a::b\" {\n    time default-time\n";
    bare_true: SMALL, Unix, [], [Syntax], "unikernel hello\nkey k type=bool default=true\njob main entry=\"a::b\"\n";
    empty: SMALL, Unix, [], [MissingValue], "";
    nothing_described: SMALL, Unix, [], [MissingValue], "key hello type=string\n";
    two_unikernels: SMALL, Unix, [], [DuplicateNode],
        "unikernel hello\nunikernel world\njob main entry=\"a::b\"\n";
    unikernel_and_workspace: SMALL, Unix, [], [DuplicateNode],
        "unikernel hello\nworkspace { member \"examples/*\" }\njob main entry=\"a::b\"\n";
    no_name: SMALL, Unix, [], [MissingValue], "unikernel\njob main entry=\"a::b\"\n";
    no_job: SMALL, Unix, [], [MissingValue], "unikernel hello\n";
    name_with_a_slash: SMALL, Unix, [], [InvalidName], "unikernel \"../hello\"\njob main entry=\"a::b\"\n";
    name_with_a_digit_first: SMALL, Unix, [], [InvalidName], "unikernel \"2048\"\njob main entry=\"a::b\"\n";
    unknown_node: SMALL, Unix, [], [UnknownNode, UnknownNode],
        "unikernel hello\nkeys hello type=string\njbo main entry=\"a::b\"\njob main entry=\"a::b\"\n";
    unknown_property: SMALL, Unix, [], [UnknownProperty, UnknownProperty],
        "unikernel hello\nkey hello type=string defualt=hi\njob main entry=\"a::b\" {\n    time default-time is=clock\n}\n";
    too_many_values: SMALL, Unix, [], [UnexpectedValue, UnexpectedValue],
        "unikernel hello world\njob main entry=\"a::b\" {\n    keys all\n}\n";
    a_value_of_the_wrong_type: SMALL, Unix, [], [WrongType, WrongType, WrongType, WrongType],
        "unikernel 12\nkey port type=u16 default=\"80\"\nkey on type=bool default=\"true\"\nkey name type=string default=42\njob main entry=\"a::b\"\n";
    an_unknown_type: SMALL, Unix, [], [WrongType, WrongType],
        "unikernel hello\nkey port type=int default=80\nkey name type=sting\njob main entry=\"a::b\"\n";
    key_twice: SMALL, Unix, [], [DuplicateNode, NameClash],
        "unikernel hello\nkey port type=u16\nkey port type=u16\nkey a-b type=u8\nkey a_b type=u8\njob main entry=\"a::b\"\n";
    reserved_key: SMALL, Unix, [], [InvalidName], "unikernel hello\nkey help type=bool\njob main entry=\"a::b\"\n";
    contradicting_keys: SMALL, Unix, [], [InvalidKey, InvalidKey, InvalidKey, InvalidKey, InvalidKey, InvalidKey, InvalidKey],
        "unikernel hello\nkey a type=u8 default=1 required=#true\nkey b type=string default=x secret=#true\n\
         key c type=string secret=#true stage=build\nkey d type=u8 min=5 max=4\nkey e type=enum\nkey f type=list\nkey g type=u8 stage=boot\njob main entry=\"a::b\"\n";
    default_out_of_range: SMALL, Unix, [], [InvalidKeyValue, InvalidKeyValue],
        "unikernel hello\nkey port type=u16 default=80000\nkey mode type=enum default=fsat {\n    option fast\n    option safe\n}\njob main entry=\"a::b\"\n";
    values_that_nearly_fit: SMALL, Unix, [], [
            InvalidKeyValue, InvalidKeyValue, WrongType, InvalidKeyValue, WrongType, InvalidKeyValue, InvalidKeyValue,
            InvalidKeyValue, InvalidKeyValue, InvalidKeyValue
        ],
        "unikernel hello\nkey wait type=duration default=\"5 min\"\nkey other type=duration default=\"soon\"\nkey rest type=duration default=30\n\
         key space type=size default=\"64K\"\nkey on type=bool default=yes\nkey address type=ipv4 default=\"10.0.0.2/24\"\n\
         key net type=ipv4-cidr default=\"10.0.0.2\"\nkey site type=path default=\"\"\nkey peers type=list of=mac default=\"02:00:00:00:00\"\n\
         key huge type=size default=\"999999999999TiB\"\njob main entry=\"a::b\"\n";
    given_values_that_nearly_fit: SMALL, Unix, ["port=0x1F90", "nets=10.0.0.1 10.0.0.2/24", "fast=TRUE"],
        [InvalidKeyValue, InvalidKeyValue, InvalidKeyValue],
        "unikernel hello\nkey port type=u16\nkey nets type=list of=ipv4-cidr\nkey fast type=bool\njob main entry=\"a::b\" {\n    keys\n}\n";
    values_on_a_line_of_a_job: EXAMPLE, Unix, [], [UnknownProperty, DuplicateNode],
        "unikernel hello\njob main entry=\"a::b\" {\n    block ramdisk size=\"1MiB\"\n}\n\
         job other entry=\"a::b\" {\n    time default-time\n    time default-time\n}\n";
    entry_without_crate: SMALL, Unix, [], [InvalidEntry], "unikernel hello\njob main entry=start\n";
    entry_with_dashes: SMALL, Unix, [], [InvalidEntry], "unikernel hello\njob main entry=\"hello-key::start\"\n";
    entry_with_a_call: SMALL, Unix, [], [InvalidEntry], "unikernel hello\njob main entry=\"hello::start()\"\n";
    entry_missing: SMALL, Unix, [], [MissingValue], "unikernel hello\njob main\n";
    entries_in_two_crates: SMALL, Unix, [], [InvalidEntry],
        "unikernel hello\njob one entry=\"hello::one\"\njob two entry=\"world::two\"\n";
    newer_language: SMALL, Unix, [], [NewerLanguage], "language 2\nunikernel hello\nmachine x\njob main entry=\"a::b\" { qubit default-qubit }\n";
    unknown_device: SMALL, Unix, [], [UnknownDevice],
        "unikernel hello\njob main entry=\"hello::start\" {\n    time defualt-time\n}\n";
    unknown_device_far_off: EXAMPLE, Unix, [], [UnknownDevice],
        "unikernel hello\njob main entry=\"hello::start\" {\n    block sda\n}\n";
    unknown_implementation: EXAMPLE, Unix, [], [UnknownDevice],
        "unikernel hello\ndevice disk block-of-files file=disk.img\njob main entry=\"hello::start\" {\n    block disk\n}\n";
    unknown_interface: SMALL, Unix, [], [UnknownInterface],
        "unikernel hello\njob main entry=\"hello::start\" {\n    clock default-time\n}\n";
    block_where_the_device_is_time: EXAMPLE, Unix, [], [InterfaceMismatch],
        "unikernel hello\njob main entry=\"hello::start\" {\n    block default-time\n}\n";
    block_in_a_catalogue_without: SMALL, Unix, [], [UnknownInterface],
        "unikernel hello\njob main entry=\"hello::start\" {\n    block default-time\n}\n";
    mismatch_below_a_device: EXAMPLE, Unix, [], [InterfaceMismatch],
        "unikernel hello\ndevice stack generic-stack {\n    net default-time\n}\njob main entry=\"hello::start\" {\n    stack stack\n}\n";
    target_without_the_device: EXAMPLE, Virtio, [], [UnsupportedTarget],
        "unikernel hello\ndevice assets direct dir=t\njob main entry=\"hello::start\" {\n    kv-ro assets\n}\n";
    target_without_the_chosen_device: EXAMPLE, Virtio, ["kv_ro=direct"], [UnsupportedTarget],
        "unikernel hello\ndevice assets generic-kv-ro dir=t\njob main entry=\"hello::start\" {\n    kv-ro assets\n}\n";
    set_unknown_key: SMALL, Unix, ["helo=hi", "port=1"], [UnknownKey, UnknownKey],
        "unikernel hello\nkey hello type=string\njob main entry=\"a::b\"\n";
    set_without_keys: SMALL, Unix, ["hello=hi"], [UnknownKey], "unikernel hello\njob main entry=\"a::b\"\n";
    set_wrong_value: EXAMPLE, Unix, ["port=http", "kv_ro=fta"], [InvalidKeyValue, InvalidKeyValue],
        "unikernel hello\nkey port type=u16\ndevice assets generic-kv-ro dir=t\njob main entry=\"a::b\" {\n    kv-ro assets\n}\n";
    set_twice: SMALL, Unix, ["hello=a", "hello=b"], [DuplicateNode],
        "unikernel hello\nkey hello type=string\njob main entry=\"a::b\"\n";
    set_without_value: SMALL, Unix, ["hello"], [MissingValue],
        "unikernel hello\nkey hello type=string\njob main entry=\"a::b\"\n";
    set_at_the_wrong_stage: SMALL, Unix, ["id=1", "token=abc"], [KeyStage, KeyStage],
        "unikernel hello\nkey id type=u8 stage=run\nkey token type=string secret=#true\njob main entry=\"a::b\"\n";
    required_key: SMALL, Unix, [], [MissingKey],
        "unikernel hello\nkey id type=u8 stage=build required=#true\njob main entry=\"a::b\"\n";
    exclusive_twice: EXAMPLE, Unix, [], [ExclusiveDevice],
        "unikernel hello\ndevice disk ramdisk\njob main entry=\"a::b\" {\n    block disk\n    swap disk as=block\n}\n";
    file_twice: EXAMPLE, Unix, [], [ExclusiveDevice],
        "unikernel hello\ndevice disk block-of-file file=disk.img\ndevice swap block-of-file file=\"./disk.img\"\njob main entry=\"a::b\" {\n    block disk\n    swap swap as=block\n}\n";
    unused_device: EXAMPLE, Unix, [], [UnusedDevice],
        "unikernel hello\ndevice disk ramdisk\njob main entry=\"a::b\"\n";
    device_twice: EXAMPLE, Unix, [], [DuplicateNode, NameClash],
        "unikernel hello\ndevice disk ramdisk\ndevice disk ramdisk\ndevice a-b ramdisk\ndevice a_b ramdisk\njob main entry=\"a::b\" {\n    block disk\n    b2 a-b as=block\n}\n";
    names_that_become_one: EXAMPLE, Unix, [], [NameClash],
        "unikernel hello\ndevice disk ramdisk\ndevice Disk ramdisk\njob main entry=\"a::b\" {\n    block disk\n    b2 Disk as=block\n}\n";
    circle: EXAMPLE, Unix, [], [DeviceCycle],
        "unikernel hello\ndevice one relay {\n    net two\n}\ndevice two relay {\n    net three\n}\ndevice three relay {\n    net one\n}\njob main entry=\"a::b\" {\n    net one\n}\n";
    itself: EXAMPLE, Unix, [], [DeviceCycle],
        "unikernel hello\ndevice one relay {\n    net one\n}\njob main entry=\"a::b\" {\n    net one\n}\n";
    missing_param: EXAMPLE, Unix, [], [MissingValue, MissingValue],
        "unikernel hello\ndevice disk block-of-file\njob main entry=\"a::b\" {\n    block disk\n    kv-ro crunch\n}\n";
    unknown_param: EXAMPLE, Unix, [], [UnknownProperty],
        "unikernel hello\ndevice disk block-of-file fiel=disk.img file=disk.img\njob main entry=\"a::b\" {\n    block disk\n}\n";
    wrong_param: EXAMPLE, Unix, [], [WrongType, InvalidKeyValue, InvalidKeyValue],
        "unikernel hello\ndevice disk block-of-file file=disk.img read-only=yes\ndevice ram ramdisk size=\"1MM\"\ndevice stack direct-stack mtu=100 {\n    net tap\n}\njob main entry=\"a::b\" {\n    block disk\n    b2 ram as=block\n    stack stack\n}\n";
    unbound: EXAMPLE, Unix, [], [UnboundRequirement, UnboundRequirement],
        "unikernel hello\ndevice files fat dir=t\njob main entry=\"a::b\" {\n    kv-ro files\n    stack direct-stack\n}\n";
    left_over: EXAMPLE, Unix, [], [UnknownRequirement, UnknownRequirement],
        "unikernel hello\ndevice disk ramdisk {\n    time default-time\n}\ndevice stack generic-stack {\n    ent tap\n}\njob main entry=\"a::b\" {\n    block disk\n    stack stack\n}\n";
    reference_to_nothing: EXAMPLE, Unix, [], [InvalidReference, InvalidReference, InvalidReference, UnexpectedValue],
        "unikernel hello\nkey size type=size default=1\nkey maybe type=size\nkey port type=u16 default=1\ndevice a ramdisk size=(key)sized\ndevice b ramdisk size=(key)port\ndevice c ramdisk size=(key)maybe\ndevice d ramdisk size=(param)size\n\
         job main entry=\"a::b\" {\n    a a as=block\n    b b as=block\n    c c as=block\n    d d as=block\n}\n";
    faults_of_every_stage_at_once: EXAMPLE, Unix, ["prot=1"], [UnknownKey, UnknownProperty, UnknownDevice],
        "unikernel hello\nkey port type=u16\nkey hello type=string dco=\"How\"\njob main entry=\"a::b\" {\n    kv-ro asets\n}\n";
    workspace_without_members: SMALL, Unix, [], [MissingValue], "workspace\n";
    empty_names: SMALL, Unix, [], [InvalidName, InvalidName, InvalidName],
        "unikernel \"\"\nkey \"\" type=u8\nkey mode type=enum {\n    option \"\"\n    option x\n}\njob main entry=\"a::b\"\n";
    paths_outside: EXAMPLE, Unix, [], [OutsideProject, OutsideProject, OutsideProject, OutsideProject, OutsideProject],
        "unikernel hello\nkey dir type=path default=\"/srv\" stage=build\nkey free type=path default=\"/srv\"\nhook disk {\n    image \"a/../../x.img\" sectors=1\n    copy \"a/../b\" \"/etc/passwd\"\n    run tool {\n        input \"../secret\"\n        output made\n    }\n}\n\
         device a direct dir=\"..\"\ndevice b direct dir=(key)dir\ndevice c direct dir=(key)free\njob main entry=\"a::b\" {\n    a a as=kv-ro\n    b b as=kv-ro\n    c c as=kv-ro\n}\n";
    one_key_for_two_files: EXAMPLE, Unix, [], [ExclusiveDevice],
        "unikernel hello\nkey file type=path default=x.img\nkey other type=path default=x.img\ndevice a block-of-file file=(key)file\ndevice b block-of-file file=(key)file\ndevice c block-of-file file=(key)other\n\
         job main entry=\"a::b\" {\n    a a as=block\n    b b as=block\n    c c as=block\n}\n";
    names_that_rust_has_once: SMALL, Unix, [], [NameClash, NameClash, NameClash, NameClash],
        "unikernel hello\nkey mode type=enum {\n    option x\n    option X\n}\nkey kind type=enum {\n    option self\n    option Self\n}\nkey a-b type=enum {\n    option x\n}\nkey aB type=enum {\n    option x\n}\nkey c-d type=u8\nkey cD type=u8\n\
         job main entry=\"a::b\"\njob Main entry=\"a::c\"\n";
    images_that_no_file_can_be: SMALL, Unix, [], [InvalidKeyValue, InvalidKeyValue, InvalidKeyValue],
        "unikernel hello\nhook disk {\n    image a.img sectors=18014398509481984\n    image b.img size=9223372036854775808\n    image c.img size=\"9000000TiB\"\n    image d.img sectors=18014398509481983\n    image e.img size=9223372036854775807\n}\njob main entry=\"a::b\"\n";
    hook_faults: SMALL, Unix, [], [UnknownNode, MissingValue, UnexpectedValue, MissingValue],
        "unikernel hello\nhook disk {\n    imgae disk.img sectors=10\n    image disk.img\n    image disk.img sectors=1 size=1\n    run tool {\n        input words.txt\n    }\n}\njob main entry=\"a::b\"\n";
}

/// What is said about the last document of a catalogue.
fn said_of_catalogue(texts: &[(&str, &str)]) -> String {
    let mut desk = Desk::default();
    let faults = desk.catalogue(texts).expect_err("the catalogue has a fault");
    desk.draw(&faults)
}

#[test]
fn one_name_from_two_crates() {
    let text = "interface net trait=\"a::Net\"\nimplementation tap provides=net { targets all { crate a connect=\"a::b\" } }";
    insta::assert_snapshot!(said_of_catalogue(&[("uk-net", text), ("my-net", text)]));
}

#[test]
fn what_else_a_newer_catalogue_says_is_no_fault() {
    let said = said_of_catalogue(&[("uk-test", "language 2\ngadget x\n")]);
    assert!(said.contains("UK0210") && !said.contains("gadget` isn't known"), "{said}");
}

#[test]
fn catalogue_faults() {
    let text = r#"
language 1
interface net trait="Net"
interface clock trait="uk_device::Clock" dco="Time."
implementation a provides=nte { targets all { crate a connect="a::connect" } }
implementation b provides=clock { }
implementation c provides=clock { crate c connect="c::connect"; use b }
implementation d provides=clock { target unix { crate d connect="d-x::connect" }; target unix { crate d connect="d::x" } }
implementation e provides=clock { target unxi { crate e connect="e::x" } }
implementation f provides=clock { param dir tpye=path; params x; targets all { crate f connect="f::x" } }
"#;
    insta::assert_snapshot!(said_of_catalogue(&[("uk-test", text)]));
}

#[test]
fn catalogue_faults_between_entries() {
    let text = r#"
interface clock trait="uk_device::Clock"
interface net trait="uk_device::Net"
implementation c provides=clock { param rate type=u32; requires net; targets all { crate c connect="c::connect" } }
implementation a provides=nte { targets all { crate a connect="a::connect" } }
implementation d provides=net { use c }
implementation e provides=clock { param rate type=string; use c rate=(param)rate speed=1 { clock c } }
implementation f provides=clock { use c rate=(param)raet { net netx } }
implementation g provides=clock { key mode type=enum { option x; option y }; choose (key)mode { x { use c }; z { use c } } }
implementation h provides=clock { choose (key)mode { x { use c } } }
implementation i provides=clock { use j }
implementation j provides=clock { use k }
implementation k provides=clock { use i }
implementation l provides=clock exclusive=#true { use c }
"#;
    insta::assert_snapshot!(said_of_catalogue(&[("uk-test", text)]));
}

#[test]
fn what_a_machine_has_once() {
    let catalogue = r#"
interface console trait="a::Console"
interface log trait="a::Log"
implementation port provides=console exclusive=#true { owns serial-port; targets all { crate a connect="a::port" } }
implementation default-console provides=console exclusive=#true { owns serial_port; use port }
implementation log provides=log { param level type=u8; owns Serial_Port light; targets all { crate a connect="a::log" } }
"#;
    let said = |text: &str, codes: &[Code]| {
        let mut desk = Desk::default();
        match desk.check(text, &[("uk-test", catalogue)], Target::Unix) {
            Ok(graph) => {
                assert_eq!(codes, []);
                graph.devices().len().to_string()
            }
            Err(faults) => {
                assert_eq!(
                    faults.iter().map(|f| f.code).collect::<Vec<_>>(),
                    codes,
                    "{}",
                    desk.draw(&faults)
                );
                desk.draw(&faults)
            }
        }
    };
    let all = [
        // Two exclusive devices, and two shared ones that aren't equal.
        said(
            "unikernel a\ndevice one default-console\njob main entry=\"a::b\" {\n    one one as=console\n    two port as=console\n}\n",
            &[Code::OwnedTwice],
        ),
        said(
            "unikernel a\ndevice one log level=1\ndevice two log level=2\njob main entry=\"a::b\" {\n    one one as=log\n    two two as=log\n}\n",
            &[Code::OwnedTwice, Code::OwnedTwice],
        ),
        // One device in two places: a second can't be declared.
        said(
            "unikernel a\njob main entry=\"a::b\" {\n    console port\n    two port as=console\n}\n",
            &[Code::ExclusiveDevice],
        ),
    ];
    insta::assert_snapshot!(all.concat());
    // Equal shared devices are one, and what isn't used owns nothing.
    let twins = "unikernel a\ndevice one log level=1\ndevice two log level=1\ndevice port port\njob main entry=\"a::b\" {\n    one one as=log\n    two two as=log\n}\n";
    assert_eq!(said(twins, &[]), "1");
    let twice = "interface log trait=\"a::Log\"\nimplementation log provides=log { owns a b a; targets all { crate a connect=\"a::b\" } }";
    insta::assert_snapshot!("owned_twice_in_one_line", said_of_catalogue(&[("uk-test", twice)]));
}

#[test]
fn unknown_target() {
    let mut desk = Desk::default();
    let text = "--target virtoi";
    let source = desk.sources.add("command line", text);
    let near = uk_planner::target("virtoi", Some(uk_diagnostic::Span::new(source, 9..15)))
        .expect_err("no such target");
    let far = uk_planner::target("qnx", None).expect_err("no such target");
    assert_eq!([near.code, far.code], [Code::UnknownTarget; 2]);
    insta::assert_snapshot!(desk.draw(&[near, far]));
}

#[test]
fn the_environment_and_secrets() {
    let mut desk = Desk::default();
    desk.settings.environment("UK_KEY_PORT", "x", &mut desk.sources);
    desk.settings.environment("UK_KEY_OTHER", "x", &mut desk.sources);
    desk.settings.environment("PATH", "x", &mut desk.sources);
    let text = "unikernel hello\nkey port type=u16\njob main entry=\"a::b\"\n";
    let faults = desk.check(text, SMALL, Target::Unix).expect_err("a port is a number");
    insta::assert_snapshot!(desk.draw(&faults));
}

#[test]
fn two_unikernels_of_one_name() {
    let mut desk = Desk::default();
    let first = "unikernel hello\njob main entry=\"a::b\"\n";
    let second = "unikernel hello\njob other entry=\"a::b\"\n";
    let one = crate::support::unikernel(desk.manifest(first).0);
    let two = crate::support::unikernel(desk.manifest(second).0);
    let faults = uk_planner::device::check_workspace(&[&one, &two]);
    insta::assert_snapshot!(desk.draw(&faults));
}
