//! A page that the program writes, and what a browser shows of it.

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use sandbox::browser::{Browser, Screen};
use sandbox::{Sandbox, program, tools};

use super::script::Page;

pub(crate) fn take(sandbox: &Sandbox, page: &Page) -> Result<()> {
    let html = tools::repository().join(&page.html);
    let arguments = page.command.iter().map(|word| word.replace("{}", &html.to_string_lossy()));
    let mut command = sandbox.command(program::path()?);
    let output = command.env_remove("KUBECONFIG").args(arguments).output().context("starting eni-custom")?;
    if !output.status.success() {
        bail!("eni-custom ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    let program = Browser::find().context("pictures of pages need Chromium: apt-get install chromium")?;
    let mut browser = Browser::start(&program)?;
    for (dark, picture) in [(false, &page.light), (true, &page.dark)] {
        let screen = Screen { width: page.width, height: page.height, dark };
        let open = browser.open(&html, screen)?;
        let png = browser.picture(&open, screen, 1.0)?;
        super::write(picture, &STANDARD.decode(png)?)?;
    }
    Ok(())
}
