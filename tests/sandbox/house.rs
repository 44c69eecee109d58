//! The import law of this room.

use std::fs;
use std::path::Path;

#[test]
fn the_sandbox_uses_nothing_else_of_this_crate() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sandbox")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let source = fs::read_to_string(&path).expect("a source file");
            for used in source.split("crate::").skip(1) {
                assert!(used.starts_with("sandbox::"), "{}: crate::{used:.40}", path.display());
            }
            assert!(!source.contains("disputebot::"), "{}", path.display());
        }
    }
    assert!(files > 20, "found {files} files only");
}
