//! Walls made of namespaces.
//!
//! Three processes: the launcher, which the caller knows and kills; the first process of the pid namespace, with which
//! everything in it ends; and the step.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::fault::{Doing, Fault, FaultKind};
use crate::launch::{NOT_STARTED, Watcher, child, end_as, limits};
use crate::sys::{self, Forked};
use crate::unpacked::{self, Snapshot};
use crate::{Plan, Step, Unpack, proc};

/// The user and group that every step runs as.
const ID: u32 = 1000;

pub(crate) fn start(
    plan: &Plan,
    base: &Path,
    steps: &[Step],
    fault: &File,
    watcher: Option<Watcher>,
    unpack: Unpack,
) -> Result<Infallible, Fault> {
    let (uid, gid) = sys::ids();
    let namespaces = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS;
    sys::unshare(namespaces).doing("make namespaces")?;
    // Not there on kernels that are older than the wish for it.
    let _ = fs::write("/proc/self/setgroups", "deny");
    fs::write("/proc/self/uid_map", format!("{ID} {uid} 1\n")).doing("map the user")?;
    fs::write("/proc/self/gid_map", format!("{ID} {gid} 1\n")).doing("map the group")?;
    sys::end_with_parent(libc::SIGKILL).doing("end with the parent")?;
    let (mut from, to) =
        sys::pipe().map(|(from, to)| (File::from(from), File::from(to))).doing("make a pipe")?;
    match sys::fork().doing("start a process")? {
        Forked::Child => {
            drop(from);
            match first(plan, base, steps, fault, watcher, unpack) {
                Ok(status) => {
                    let _ = (&to).write_all(&status.to_le_bytes());
                    sys::exit(0)
                }
                Err(failed) => {
                    failed.report(fault);
                    sys::exit(NOT_STARTED.into())
                }
            }
        }
        Forked::Parent(pid) => {
            drop(to);
            let mut status = [0; 4];
            let told = from.read_exact(&mut status);
            let (_, ended) = sys::wait(pid, 0).doing("wait for the step")?;
            end_as(if told.is_ok() { i32::from_le_bytes(status) } else { ended })
        }
    }
}

/// The first process of the pid namespace: makes the root, runs the step, and takes in whoever has lost a parent.
fn first(
    plan: &Plan,
    base: &Path,
    steps: &[Step],
    fault: &File,
    watcher: Option<Watcher>,
    unpack: Unpack,
) -> Result<i32, Fault> {
    sys::end_with_parent(libc::SIGKILL).doing("end with the parent")?;
    let private = libc::MS_REC | libc::MS_PRIVATE;
    sys::mount(c"none", Path::new("/"), c"none", private, None).doing("part the mounts from the host's")?;
    let plain = libc::MS_NOSUID | libc::MS_NODEV;
    sys::mount(c"uk", base, c"tmpfs", plain, Some(c"mode=0755,size=16m")).doing("mount a root")?;
    std::env::set_current_dir(base).doing("enter the root")?;
    for step in steps {
        put(step, unpack)?;
    }
    proc::mount().doing("mount /proc")?;
    sys::restrict(c".", sys::READ_ONLY).doing("make the root read-only")?;
    sys::pivot_root(c".", c".").doing("change the root")?;
    sys::detach(c".").doing("leave the host's root")?;
    std::env::set_current_dir("/").doing("enter the root")?;
    sys::set_names("uk", "(none)").doing("name the host")?;
    limits(plan)?;
    let writable = |step: &Step| match step {
        Step::Unpack { at, writable: true, .. } => Some(at.clone()),
        _ => None,
    };
    let before: io::Result<Vec<_>> = steps.iter().filter_map(writable).map(Snapshot::of).collect();
    let before = before.doing("read what was unpacked")?;
    let status = child(plan, fault, watcher, || Ok(()))?;
    if status == 0 && !before.is_empty() {
        // What the step has left running could still write.
        sys::end_all();
        if let Some(path) = before.iter().find_map(Snapshot::difference) {
            let (what, error) = (path.display().to_string(), io::Error::other("it isn't as it was"));
            return Err(Fault { kind: FaultKind::Changed, what, error });
        }
    }
    Ok(status)
}

/// A place as a path below the working directory, which is the new root.
fn below(place: &Path) -> PathBuf {
    let below = place.strip_prefix("/").unwrap_or(place);
    if below == Path::new("") { ".".into() } else { below.to_owned() }
}

fn put(step: &Step, unpack: Unpack) -> Result<(), Fault> {
    match step {
        Step::Folder(place) => match fs::create_dir(below(place)) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            result => result,
        }
        .doing(format!("make {}", place.display())),
        Step::File(place, content) => {
            let mut options = fs::OpenOptions::new();
            let file = options.write(true).create(true).mode(0o444).open(below(place));
            file.and_then(|mut file| file.write_all(content)).doing(format!("write {}", place.display()))
        }
        Step::Link { at, target } => symlink(target, below(at)).doing(format!("make {}", at.display())),
        Step::Bind { from, at, writable } => {
            let read_only = if *writable { 0 } else { sys::READ_ONLY };
            sys::bind(from, &below(at), sys::NO_SUID | sys::NO_DEVICES | read_only).doing(format!(
                "show {} at {}",
                from.display(),
                at.display()
            ))
        }
        Step::Unpack { archive, sum, at, writable } => {
            unpacked::put(archive, sum, &below(at), *writable, unpack)
        }
        Step::Device(name) => {
            let place = Path::new("dev").join(name);
            let made = File::create(&place).map(drop);
            made.and_then(|()| sys::bind(&Path::new("/").join(&place), &place, sys::NO_SUID))
                .doing(format!("show /{}", place.display()))
        }
    }
}
