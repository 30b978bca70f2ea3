//! The headers of the C library and of C++'s.
//!
//! `/usr/include` is where every library of the host puts its headers. What a build script may see of it is the C library's
//! part, and C++'s own: these come with the compiler.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use uk_action::HostPath;
use uk_store::Cancel;

use crate::Result;
use crate::memo::Watch;
use crate::toolchain::answer;

/// Where the host has them.
const ROOT: &str = "/usr/include";
/// What glibc, musl and the kernel's interface have in `/usr/include` or the triple's folder in it.
const FOLDERS: &str = "arpa asm asm-generic bits c++ drm finclude fortify gnu linux misc mtd net netash netatalk netax25 \
    neteconet netinet netipx netiucv netpacket netrom netrose nfs protocols rdma regulatory rpc rpcsvc scsi sound sys video xen";
const FILES: &str = "a.out aio aliases alloca ar argp argz assert byteswap complex cpio crypt ctype dirent dlfcn elf endian \
    envz err errno error execinfo fcntl features features-time64 fenv fmtmsg fnmatch fstab fts ftw gconv getopt glob \
    gnu-versions grp gshadow iconv ifaddrs inttypes iso646 langinfo lastlog libgen libintl limits link locale malloc math \
    mcheck memory mntent monetary mqueue netdb nl_types nss obstack paths poll printf proc_service pthread pty pwd re_comp \
    regex regexp resolv sched search semaphore setjmp sgtty shadow signal spawn stab stdalign stdarg stdbool stdc-predef \
    stddef stdint stdio stdio_ext stdlib stdnoreturn string strings stropts syscall sysexits syslog tar termio termios tgmath \
    thread_db threads time ttyent uchar ucontext ulimit unistd utime utmp utmpx values wait wchar wctype wordexp";
/// What package managers write whenever they install: a header that is replaced shows there.
const DATABASES: [&str; 5] = [
    "/var/lib/dpkg/status",
    "/var/lib/rpm/rpmdb.sqlite",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    "/var/lib/pacman/local",
    "/lib/apk/db/installed",
];

/// The headers, where they are looked for.
///
/// # Errors
/// As [`answer`].
pub(super) fn collect(cancel: &Cancel, cc: &Path, watch: &mut Watch) -> Result<BTreeSet<HostPath>> {
    let root = Path::new(ROOT);
    watch.file(root);
    DATABASES.iter().for_each(|database| watch.sign(database));
    // A driver that doesn't know the question has its headers in `ROOT` itself.
    let multiarch = answer(cancel, cc, Command::new(cc).arg("-print-multiarch").current_dir("/"))?;
    let multiarch = multiarch.unwrap_or_default();
    let below = Some(multiarch.trim()).filter(|name| !name.is_empty()).map(|name| root.join(name));
    let mut wanted = BTreeSet::new();
    for folder in below.into_iter().chain([root.to_owned()]) {
        let names = FOLDERS.split_whitespace().map(str::to_owned);
        let names = names.chain(FILES.split_whitespace().map(|name| format!("{name}.h")));
        for path in names.map(|name| folder.join(name)).filter(|path| path.exists()) {
            // What is replaced shows at its folder, or with the package manager.
            if path.is_dir() {
                watch.file(&path);
            }
            wanted.insert(HostPath::same(path));
        }
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::needs::tests::script;

    #[test]
    fn a_driver_that_is_ended_leaves_nothing_to_be_remembered() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let asked = |text| collect(&Cancel::default(), &script(folder.path(), text), &mut Watch::default());
        assert!(asked("kill -KILL $$").is_err());
        assert!(asked("exit 1").is_ok(), "it doesn't know the question");
    }
}
