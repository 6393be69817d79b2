//! The file of a page.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Errors if the page can't be written there. Changes nothing.
pub(crate) fn may_write(path: &Path) -> Result<()> {
    let refused = |what: &str| {
        Error::usage(what)
            .at(path.display().to_string())
            .fix("set another file with --html, such as plan.html")
    };
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => return Err(refused("the page can't be written: this is a folder")),
        Ok(there) if !there.is_file() => return Ok(()),
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(refused("the page can't be written").because(error));
        }
        _ if path.as_os_str().as_encoded_bytes().ends_with(b"/") => {
            return Err(refused("the page can't be written: this is the name of a folder"));
        }
        _ => {}
    }
    let temporary = beside(&target(path));
    let new = OpenOptions::new().write(true).create_new(true).open(&temporary);
    match new {
        Ok(_) => {
            fs::remove_file(&temporary).map_err(|error| refused("the page can't be written").because(error))
        }
        // Left by a run that was killed; `write` overwrites it.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(refused("the page can't be written").because(error)),
    }
}

/// Writes a file atomically: a browser sees the old or the new page. A device or a pipe is written to directly.
pub(crate) fn write(page: &str, path: &Path) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::failed("the page can't be written").at(path.display().to_string()).because(error)
    };
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return fs::write(path, page).map_err(failed);
    }
    let target = target(path);
    let temporary = beside(&target);
    fs::write(&temporary, page).map_err(failed)?;
    fs::rename(&temporary, &target).map_err(failed)
}

/// The file itself where the path is a symbolic link, so that the link stays.
fn target(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(path: &Path) -> String {
        may_write(path).expect_err("it is refused").to_string()
    }

    #[test]
    fn a_path_that_cannot_be_written_is_refused_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(what(folder.path()).contains("folder"));
        assert!(what(&at("new/")).contains("folder"));
        assert!(what(&at("missing/plan.html")).contains("can't be written"));
        fs::write(at("file"), "").unwrap();
        assert!(what(&at("file/plan.html")).contains("can't be written"));
        may_write(&at("plan.html")).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_older_page_is_replaced_and_a_link_to_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (page, link) = (folder.path().join("plan.html"), folder.path().join("link.html"));
        fs::write(&page, "old").unwrap();
        std::os::unix::fs::symlink(&page, &link).unwrap();
        may_write(&link).unwrap();
        write("new", &link).unwrap();
        assert_eq!(fs::read_to_string(&page).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        may_write(Path::new("/dev/null")).unwrap();
        write("new", Path::new("/dev/null")).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
