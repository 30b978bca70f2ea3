//! Running an artifact: the host process that a target needs, the guest's exit code, and its fault report.

mod attach;

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::JoinHandle;

use uk_backends::{Accel, Guest, Machine, PROGRAM, Target, qemu_args};
use uk_diagnostic::{Code, Diagnostic};
use uk_keys::words::quote;

use crate::cli;
use crate::made;
use crate::ui::Ui;

pub use attach::{Disk, disks};

/// An artifact to be run.
#[derive(Debug)]
pub struct Artifact {
    /// The file in `dist/`.
    pub path: PathBuf,
    /// The same with its debug information.
    pub debug: PathBuf,
    /// Its target.
    pub target: Target,
    /// The files and folders that it is given.
    pub disks: Vec<Disk>,
    /// A folder for the report of a running guest.
    pub state: PathBuf,
}

/// Runs `artifact` with `args` and returns its exit code.
///
/// # Errors
/// `UK0701` without the program that runs the target, `UK0702` where it ends without having run the guest to its end,
/// `UK0708` where a disk can't be named in the command.
pub fn run(artifact: &Artifact, args: &[String], runner: &cli::Runner, ui: Ui) -> Result<u8, Diagnostic> {
    if runner.print || artifact.target == Target::Virtio {
        artifact.disks.iter().try_for_each(Disk::check_path)?;
    }
    let report = artifact.state.join(format!("report-{}", std::process::id()));
    let (program, words) = command(artifact, args, runner, &report);
    // A process is told by its environment where its disks are.
    let variables: Vec<_> = match artifact.target {
        Target::Unix => artifact.disks.iter().map(Disk::variable).collect(),
        Target::Virtio => Vec::new(),
    };
    if runner.print {
        let mut shown = String::new();
        for (name, value) in variables {
            shown += &format!("{name}={} ", quote([value.display().to_string()]));
        }
        shown += &quote(std::iter::once(program.display().to_string()).chain(words));
        ui.output(&(shown + "\n")).map_err(|fault| *fault)?;
        return Ok(0);
    }
    let mut command = Command::new(&program);
    command.args(&words).envs(variables);
    match artifact.target {
        Target::Unix => {
            // Only returns on failure: the guest takes this process's place, with its signals and its exit code.
            let error = command.exec();
            Err(failed(&program, &error.to_string()))
        }
        Target::Virtio => {
            // Open from now on: `uk clean` may remove it while the guest runs.
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&report);
            let file = file
                .as_mut()
                .map_err(|error| *made::not_writable(&report.display().to_string(), &error.to_string()))?;
            let outcome =
                virtual_machine(command, &program, file, artifact, runner.accel.unwrap_or_default(), ui);
            let _ = std::fs::remove_file(&report);
            outcome
        }
    }
}

/// Whether `runner` has only options that `target` has.
///
/// # Errors
/// `UK0305` otherwise.
pub fn check(runner: &cli::Runner, target: Target) -> Result<(), Diagnostic> {
    let given = [
        ("`--machine`", runner.machine.is_some()),
        ("`--accel`", runner.accel.is_some()),
        ("`--memory`", runner.memory.is_some()),
    ];
    let given: Vec<_> = given.into_iter().filter_map(|(option, given)| given.then_some(option)).collect();
    if target == Target::Virtio || given.is_empty() {
        return Ok(());
    }
    let given = given.join(", ");
    let message = format!("the target `{target}` has no {given}: its guest is a program of this machine");
    Err(Diagnostic::error(Code::UnsupportedTarget, message)
        .help(format!("add `--target virtio`, or leave {given} out")))
}

fn command(
    artifact: &Artifact,
    args: &[String],
    runner: &cli::Runner,
    report: &Path,
) -> (PathBuf, Vec<String>) {
    match artifact.target {
        Target::Unix => (artifact.path.clone(), args.to_vec()),
        Target::Virtio => {
            let disks = artifact.disks.iter().filter(|disk| !disk.folder).map(given).collect::<Vec<_>>();
            let guest = Guest {
                disks: &disks,
                image: &artifact.path,
                cmdline: &quote(args),
                report,
                machine: match runner.machine.unwrap_or_default() {
                    cli::Machine::Microvm => Machine::Microvm,
                    cli::Machine::MicrovmNoacpi => Machine::MicrovmNoAcpi,
                    cli::Machine::Q35 => Machine::Q35,
                },
                accel: match runner.accel.unwrap_or_default() {
                    cli::Accel::Tcg => Accel::Tcg,
                    cli::Accel::Kvm => Accel::Kvm,
                },
                memory: runner.memory.unwrap_or(128),
            };
            (PathBuf::from(PROGRAM), qemu_args(&guest))
        }
    }
}

fn given(disk: &Disk) -> uk_backends::Disk<'_> {
    uk_backends::Disk {
        id: &disk.id,
        path: &disk.path,
        device: disk.is_device(),
        read_only: disk.read_only,
        sector_size: disk.sector_size,
    }
}

fn virtual_machine(
    mut command: Command,
    program: &Path,
    report: &mut File,
    artifact: &Artifact,
    accel: cli::Accel,
    ui: Ui,
) -> Result<u8, Diagnostic> {
    let kvm = matches!(accel, cli::Accel::Kvm);
    if kvm {
        command.stderr(Stdio::piped());
    }
    // Whatever ends this process, such as a signal that it can't pass on. This is its first thread.
    uk_store::end_with_this_thread(&mut command);
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Diagnostic::error(Code::NoRunner, format!("`{PROGRAM}` isn't installed, and it runs the target `{}`", artifact.target))
                .help("install QEMU: `apt-get install qemu-system-x86` on Debian and Ubuntu, `dnf install qemu-system-x86` on Fedora")
        }
        _ => failed(program, &error.to_string()),
    })?;
    let signal = forward_signals(&child);
    let stopped = child.stderr.take().map(|said| end_where_kvm_stops(said, pid(&child)));
    let status = wait(&mut child).map_err(|error| failed(program, &error.to_string()))?;
    if stopped.is_some_and(|thread| thread.join().unwrap_or(false)) {
        return Err(Diagnostic::error(Code::RunnerFailed, "KVM stopped the guest with an internal error")
            .note("this host's KVM can't carry out what the guest did, as where it is itself nested or emulated")
            .help("run it without `--accel kvm`: QEMU's translator works everywhere"));
    }
    let mut said = String::new();
    let _ = report.read_to_string(&mut said);
    trace(&said, &artifact.debug, ui);
    let code = said.lines().find_map(|l| l.strip_prefix("exit ")).and_then(|c| c.trim().parse().ok());
    match (code, signal.load(Ordering::SeqCst)) {
        (Some(code), _) => Ok(code),
        // As a shell says it of a program that a signal ended.
        (None, signal @ 1..) => Ok(128u8.saturating_add(signal as u8)),
        (None, _) => Err(failed(program, &format!("it ended with {status} before the guest did"))),
    }
}

fn failed(program: &Path, cause: &str) -> Diagnostic {
    Diagnostic::error(Code::RunnerFailed, format!("`{}` could not run the guest: {cause}", program.display()))
        .help(format!(
            "`{}` shows the whole command, to be tried by hand",
            printing(std::env::args().skip(1))
        ))
}

/// The command line `uk WORDS` with `--print`, before what is for the guest.
fn printing(words: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = std::iter::once("uk".to_owned()).chain(words).collect();
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    words.insert(end, "--print".to_owned());
    quote(words)
}

/// Passes Ctrl-C and the like on to the child, whose end this process waits for; tells which signal came.
fn forward_signals(child: &Child) -> Arc<AtomicI32> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let came = Arc::new(AtomicI32::new(0));
    if let (Some(pid), Ok(mut signals)) =
        (pid(child), signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM]))
    {
        let came = came.clone();
        std::thread::spawn(move || {
            for signal in signals.forever() {
                came.store(signal, Ordering::SeqCst);
                // The child may be gone already.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
        });
    }
    came
}

fn pid(child: &Child) -> Option<rustix::process::Pid> {
    i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw)
}

/// Passes on what QEMU says, and ends it when KVM has given the guest up: QEMU would wait for a debugger. Tells whether that
/// was so.
fn end_where_kvm_stops(said: ChildStderr, pid: Option<rustix::process::Pid>) -> JoinHandle<bool> {
    std::thread::spawn(move || {
        let mut stopped = false;
        for line in BufReader::new(said).split(b'\n').map_while(Result::ok) {
            stopped |= line.starts_with(b"KVM internal error");
            if !stopped {
                let _ = std::io::stderr().write_all(&[&line, &b"\n"[..]].concat());
            } else if let Some(pid) = pid {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
        stopped
    })
}

fn wait(child: &mut Child) -> std::io::Result<std::process::ExitStatus> {
    loop {
        match child.wait() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Shows what a guest reported of its end, with names and lines for its addresses.
fn trace(report: &str, debug: &Path, ui: Ui) {
    let address = |text: &str| u64::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok();
    // The instruction that faulted, then return addresses, which are one past their calls.
    let fault = report.lines().find(|l| l.starts_with("fault ")).and_then(|l| l.split_once(" ip="));
    let fault = fault.and_then(|(_, ip)| address(ip)).map(|ip| (ip, ip));
    let returns = report.lines().filter_map(|l| l.strip_prefix("frame ")).filter_map(address);
    let frames: Vec<(u64, u64)> =
        fault.into_iter().chain(returns.map(|a| (a, a.saturating_sub(1)))).collect();
    for line in report.lines().filter(|l| !l.starts_with("frame ") && !l.starts_with("exit ")) {
        ui.note(&format!("guest: {line}"));
    }
    if frames.is_empty() {
        return;
    }
    let loader = addr2line::Loader::new(debug).ok();
    for (number, (address, probe)) in frames.into_iter().enumerate() {
        let mut places = Vec::new();
        if let Some(loader) = &loader
            && let Ok(mut found) = loader.find_frames(probe)
        {
            while let Ok(Some(frame)) = found.next() {
                let name = frame.function.as_ref().and_then(|f| f.demangle().ok().map(|n| n.into_owned()));
                let place = frame.location.as_ref();
                let file = place.and_then(|l| l.file).unwrap_or("?");
                let line = place.and_then(|l| l.line).unwrap_or(0);
                places.push(format!("{} at {file}:{line}", name.unwrap_or_else(|| "?".to_owned())));
            }
        }
        if places.is_empty() {
            places.push("?".to_owned());
        }
        for place in places {
            ui.note(&format!("  {number:>2}: {address:#x} {place}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_whose_kvm_gave_up_is_ended() {
        let run = |script: &str| {
            let mut child =
                Command::new("sh").args(["-c", script]).stderr(Stdio::piped()).spawn().expect("sh is there");
            let said = child.stderr.take().expect("it is a pipe");
            let thread = end_where_kvm_stops(said, pid(&child));
            let status = child.wait().expect("it ends");
            (status.success(), thread.join().expect("it doesn't panic"))
        };
        assert_eq!(run("echo 'a warning' >&2"), (true, false));
        assert_eq!(run("echo 'KVM internal error. Suberror: 1' >&2; exec sleep 300"), (false, true));
    }
}
