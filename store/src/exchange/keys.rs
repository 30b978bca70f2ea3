//! Keys: who signs, and who is trusted.
//!
//! A signing key is a file of its own, readable by its owner only, with the 32 bytes of the seed as hexadecimal digits. A
//! public key is written `ed25519:` and 64 hexadecimal digits. `trusted-keys` holds one a line; what stands behind it on the
//! line, and a line that begins with `#`, is for people.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ed25519_compact::{KeyPair, Seed, Signature};
use uk_action::Digest;

use super::ArchiveError;

/// The folder of the keys: `uk` in the XDG config folder. `None` when no variable names one.
pub fn config_folder(env: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The XDG base directory specification: a relative path is to be ignored.
    let config = set("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    Some(config.or_else(|| Some(set("HOME")?.join(".config")))?.join("uk"))
}

/// Who has signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `signature` is one of this key's for `message`.
    pub(super) fn has_signed(&self, message: &[u8], signature: [u8; 64]) -> bool {
        ed25519_compact::PublicKey::new(self.0).verify(message, &Signature::new(signature)).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ed25519:{}", Digest::from_bytes(self.0))
    }
}

impl FromStr for PublicKey {
    type Err = ArchiveError;

    fn from_str(text: &str) -> Result<Self, ArchiveError> {
        let digits = text.strip_prefix("ed25519:").and_then(|digits| digits.parse::<Digest>().ok());
        let digits = digits.ok_or_else(|| ArchiveError::Key(format!("`{text}` isn't a public key")))?;
        Ok(Self(*digits.as_bytes()))
    }
}

/// A key to sign with.
pub struct SigningKey(KeyPair);

impl SigningKey {
    const FILE: &str = "signing.key";

    /// The key in `folder`; `None` when there is none.
    ///
    /// # Errors
    /// When it can't be read, or others may read it.
    pub fn load(folder: &Path) -> Result<Option<Self>, ArchiveError> {
        let path = folder.join(Self::FILE);
        let (text, mode) =
            match fs::read_to_string(&path).and_then(|text| Ok((text, fs::metadata(&path)?.mode()))) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(ArchiveError::key_file("read", &path, &error)),
                Ok(found) => found,
            };
        if mode & 0o077 != 0 {
            return Err(ArchiveError::Key(format!(
                "others may read the key in `{}`: `chmod 600` it, or make a new one",
                path.display()
            )));
        }
        let seed = text.trim_end().parse::<Digest>();
        let seed =
            seed.map_err(|_| ArchiveError::Key(format!("`{}` isn't a signing key", path.display())))?;
        Ok(Some(Self::from_seed(*seed.as_bytes())))
    }

    /// Makes a key in `folder`, unless there is one.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn load_or_create(folder: &Path) -> Result<Self, ArchiveError> {
        if let Some(key) = Self::load(folder)? {
            return Ok(key);
        }
        let mut seed = [0; 32];
        let mut filled = 0;
        while filled < seed.len() {
            let flags = rustix::rand::GetRandomFlags::empty();
            let more = rustix::rand::getrandom(&mut seed[filled..], flags);
            filled += more.map_err(|error| ArchiveError::Key(format!("no random numbers: {error}")))?;
        }
        let path = folder.join(Self::FILE);
        let key = Self::from_seed(seed);
        let beside =
            folder.join(format!("{}.{}.new", Self::FILE, Digest::of(key.public().as_bytes()).short()));
        let write = || {
            fs::create_dir_all(folder)?;
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
            writeln!(file, "{}", Digest::from_bytes(seed))?;
            file.sync_all()?;
            // Unlike a rename, a link never replaces the key that another process has made meanwhile.
            let linked = fs::hard_link(&beside, &path);
            fs::remove_file(&beside)?;
            linked
        };
        match write() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::load_or_create(folder),
            Err(error) => Err(ArchiveError::key_file("write", &path, &error)),
            Ok(()) => Ok(key),
        }
    }

    pub(super) fn from_seed(seed: [u8; 32]) -> Self {
        Self(KeyPair::from_seed(Seed::new(seed)))
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(*self.0.pk)
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        *self.0.sk.sign(message, None)
    }
}

/// The keys that the file `trusted-keys` in `folder` lists; none when there is no such file.
///
/// # Errors
/// When it can't be read, or a line has no key.
pub fn trusted_keys(folder: &Path) -> Result<Vec<PublicKey>, ArchiveError> {
    let path = folder.join("trusted-keys");
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.map_err(|error| ArchiveError::key_file("read", &path, &error))?,
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let key = |line: &str| {
        let word = line.split_whitespace().next().unwrap_or_default();
        word.parse()
            .map_err(|_| ArchiveError::Key(format!("`{word}` in `{}` isn't a public key", path.display())))
    };
    lines.map(key).collect()
}
