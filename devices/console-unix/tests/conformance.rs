//! The devices of the unix target do what their interfaces say. The test starts itself: as the unikernel, when UK_TEST_ROLE is set.

use std::env;
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, ExitCode, Output, Stdio};

use uk_device::keys::Values;
use uk_device::{Console as _, ConsoleError, Duration, Time, conformance, log};

mod unikernel {
    use super::start;

    uk_unix::entry!(name: "devices", application: "conformance", keys: &[], start: start);

    pub fn run() -> std::process::ExitCode {
        main()
    }
}

async fn start(_: &'static Values) -> uk_device::Result {
    let (console, time) = (uk_console_unix::connect().await?, uk_time::connect().await?);
    match env::var("UK_TEST_ROLE").as_deref() {
        Ok("conform") => {
            let (clock, random) = (uk_clock::connect().await?, uk_random_unix::connect().await?);
            conformance::random(&random);
            conformance::time(&time, &clock).await;
            conformance::clock(&clock, &time, true).await;
            conformance::console(&console, &time, true).await;
        }
        // Others run while the console waits for its other end to read.
        Ok("flood") => {
            let ticking = uk_executor::spawn(async move {
                for _ in 0..5 {
                    time.sleep(Duration::from_millis(10)).await;
                }
                eprintln!("ticked");
            });
            console.write(&[b'x'; 1 << 20]).await?;
            ticking.await;
        }
        // Lines of the console and of the log, side by side.
        Ok("mix") => {
            let logging = uk_executor::spawn(async move {
                for number in 0..100 {
                    log::info!("{number}");
                    uk_executor::yield_now().await;
                }
            });
            let line = [&[b'-'; 70][..], b"\n"].concat();
            console.write(&line.repeat(2_000)).await?;
            logging.await;
        }
        _ => {
            // The end of input says that the test has closed the other end.
            assert_eq!(console.read(&mut [0]).await, Ok(0));
            let written = console.write(b"nobody reads this").await;
            assert_eq!(written, Err(ConsoleError::Closed));
        }
    }
    Ok(())
}

fn command(role: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("a test knows where it is"));
    command.env("UK_TEST_ROLE", role).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[track_caller]
fn well(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn everything_conforms() {
    let mut child = command("conform").spawn().expect("the test can start itself");
    let mut prompt = vec![0; conformance::CONSOLE_PROMPT.len()];
    let stdout = child.stdout.as_mut().expect("it is a pipe");
    // If it panics instead, its message is what counts.
    if stdout.read_exact(&mut prompt).is_ok() {
        assert_eq!(prompt, conformance::CONSOLE_PROMPT.as_bytes());
        let mut stdin = child.stdin.take().expect("it is a pipe");
        stdin.write_all(&conformance::console_input()).expect("it reads");
    }
    let output = child.wait_with_output().expect("it ends");
    well(&output);
    assert!(output.stdout == conformance::console_output(), "what it wrote came out");
}

fn a_full_pipe_stops_nobody_else() {
    let mut child = command("flood").spawn().expect("the test can start itself");
    let mut stderr = child.stderr.take().expect("it is a pipe");
    // Only what ticks is read at first, so this would wait for ever if the console held it up.
    let mut ticked = [0; 7];
    stderr.read_exact(&mut ticked).expect("it ticks");
    assert_eq!(&ticked, b"ticked\n");
    let output = child.wait_with_output().expect("it ends");
    well(&output);
    assert_eq!(output.stdout.len(), 1 << 20);
}

fn log_lines_tear_no_line() {
    let output = command("mix").output().expect("the test can start itself");
    well(&output);
    let text = String::from_utf8(output.stdout).expect("it wrote text");
    let (ours, logged): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with('-'));
    assert_eq!((ours.len(), logged.len()), (2_000, 100));
    assert!(ours.iter().all(|line| line.len() == 70), "a line was torn");
    assert!(logged.iter().all(|line| line.contains(" INF [application] ")), "a log line was torn");
}

fn a_pipe_without_reader_is_an_error() {
    let mut child = command("closed").spawn().expect("the test can start itself");
    drop(child.stdout.take());
    well(&child.wait_with_output().expect("it ends"));
    // A device that can't take it is another error.
    let Ok(full) = File::create("/dev/full") else { return };
    let output = command("full").stdout(full).output().expect("the test can start itself");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("Failed(28)"), "{message}");
}

fn main() -> ExitCode {
    if env::var_os("UK_TEST_ROLE").is_some() {
        return unikernel::run();
    }
    everything_conforms();
    a_full_pipe_stops_nobody_else();
    log_lines_tear_no_line();
    a_pipe_without_reader_is_an_error();
    println!("all devices conform");
    ExitCode::SUCCESS
}
