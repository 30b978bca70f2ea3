//! What a process of this backend prints, and how it exits. The test starts itself: as the unikernel, when UK_TEST_ROLE is set.

use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, ExitCode, Output};

use uk_device::keys::{Key, Kind, Values};
use uk_device::{Error, log};

static KEYS: &[Key<'static>] = &[
    Key { default: Some("end"), doc: "What to do.", ..Key::new("deed", Kind::Str) },
    Key { default: Some("0"), doc: "A code.", ..Key::new("code", Kind::U8) },
];

mod unikernel {
    use super::{KEYS, start};

    uk_unix::entry!(name: "demo", application: "process", keys: KEYS, start: start);

    pub fn run() -> std::process::ExitCode {
        main()
    }
}

async fn start(values: &'static Values) -> uk_device::Result {
    uk_unix::alone("main", deed(values)).await
}

async fn deed(values: &'static Values) -> uk_device::Result {
    log::info!("hello");
    log::debug!("details");
    match values.get::<&str>("deed") {
        "panic" => panic!("as asked"),
        "fail" => Err(Error::exit(values.get("code"), "broken")),
        "silent" => Err(Error::exit(values.get("code"), "")),
        "thread" => {
            std::thread::spawn(|| panic!("elsewhere")).join().expect("the process has ended");
            Ok(())
        }
        _ => {
            uk_executor::sleep_until(uk_executor::now() + 20_000_000).await;
            Ok(())
        }
    }
}

fn run<S: AsRef<OsStr>>(args: &[S]) -> Output {
    let this = env::current_exe().expect("a test knows where it is");
    let mut command = Command::new(this);
    command.args(args).env("UK_TEST_ROLE", "unikernel").env("TZ", "XYZ-5:30").env_remove("RUST_BACKTRACE");
    command.output().expect("the test can start itself")
}

#[track_caller]
fn check(args: &[&str], code: i32, stdout: &str, stderr: &str) {
    let output = run(args);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}: {out}{err}");
    assert!(out.ends_with(stdout) && (out.is_empty() == stdout.is_empty()), "{args:?}: {out}");
    assert!(err.contains(stderr) && (err.is_empty() == stderr.is_empty()), "{args:?}: {err}");
}

fn main() -> ExitCode {
    if env::var_os("UK_TEST_ROLE").is_some() {
        return unikernel::run();
    }
    let hello = " +05:30: INF [application] hello\n";
    check(&[], 0, hello, "");
    check(&["--logs=quiet"], 0, "", "");
    check(&["-l", "application:debug"], 0, " +05:30: DBG [application] details\n", "");
    check(&["--deed=fail", "--code=200"], 200, hello, "demo: broken\n");
    check(&["--deed=silent", "--code=3"], 3, hello, "");
    check(&["--deed=panic"], 101, hello, "demo: panic in job `main` at ");
    check(&["--deed=panic"], 101, hello, ": as asked\n");
    check(&["--deed=thread"], 101, hello, ": elsewhere\n");
    check(&["--cod=1"], 64, "", "demo: unknown key `cod`; did you mean `--code`?\n");
    check(&["--code=256"], 64, "", "demo: `--code=256`: expected a whole number from 0 to 255\n");
    check(&["--code=256", "--help"], 0, "  --help             Print this help.\n", "");
    let output = run(&[OsStr::from_bytes(b"--deed=\xff")]);
    assert_eq!(output.status.code(), Some(64));
    println!("all processes ended as they should");
    ExitCode::SUCCESS
}
