//! A small tree that the applications work on.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Failure;

const FILES: [(&str, &str); 10] = [
    ("README.md", "# Sample\n\nA *small* tree with `code`.\n\n- one\n- two\n"),
    ("src/main.rs", "// Says it.\nfn main() {\n    println!(\"Hello, {}\", 40 + 2);\n}\n"),
    ("src/deep/lib.c", "/* C */\n#include <stdio.h>\n\nint hello(void) {\n    return puts(\"hello\");\n}\n"),
    ("src/deep/script.py", "# Python\ndef hello():\n    return 'hello'\n"),
    ("people.csv", "name,age,city\nAnn,31,Oslo\nBob,22,Rome\nCid,43,Oslo\n"),
    ("data.json", "{\"name\": \"sample\", \"list\": [1, 2, 3], \"deep\": {\"yes\": true}}\n"),
    (
        "justfile",
        "who := \"world\"\n\n# Says hello.\nhello:\n    @echo hello {{who}}\n\ntwice: hello\n    @echo again\n",
    ),
    (
        "change.diff",
        "diff --git a/x.rs b/x.rs\nindex 1..2 100644\n--- a/x.rs\n+++ b/x.rs\n@@ -1,3 +1,3 @@\n fn x() {\n-    old()\n+    new()\n }\n",
    ),
    ("words.txt", "the quick brown fox\njumps over the lazy dog\n"),
    (".hidden/secret.txt", "hello from a hidden file\n"),
];

/// A grey picture of 4 by 4 pixels, PNG, not compressed.
const PICTURE: [u8; 120] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
    0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x04, 0x08, 0x02, 0x00, 0x00, 0x00, 0x26, 0x93, 0x09, 0x29, 0x00,
    0x00, 0x00, 0x3f, 0x49, 0x44, 0x41, 0x54, 0x78, 0x01, 0x01, 0x34, 0x00, 0xcb, 0xff, 0x00, 0xc8, 0xc8,
    0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0x00, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8,
    0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0x00, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8,
    0xc8, 0xc8, 0x00, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xc8, 0xcf, 0x61,
    0x25, 0x81, 0x2a, 0x82, 0x9a, 0x7f, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60,
    0x82,
];

/// Makes the tree anew: a run may have changed it.
pub fn make(folder: &Path) -> Result<PathBuf, Failure> {
    let io = |error: std::io::Error| format!("{}: {error}", folder.display());
    let _ = fs::remove_dir_all(folder);
    for (path, text) in FILES {
        write(&folder.join(path), text.as_bytes()).map_err(io)?;
    }
    let bytes: Vec<u8> = (0..=255).cycle().take(600).collect();
    write(&folder.join("bytes.bin"), &bytes).map_err(io)?;
    write(&folder.join("picture.png"), &PICTURE).map_err(io)?;
    Ok(folder.to_owned())
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes)
}
