//! Questions as whole lines, for screen readers, logs and terminals that can't move the cursor.

use std::io::BufRead;

use crate::error::{Error, Result};

use super::Question;

/// Prints the text and reads a line, without the blanks around it.
pub(super) fn line(text: &str) -> Result<String> {
    super::super::eprint_text(text);
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(0) => {
            Err(Error::refused("the input ended before the questions did; nothing was changed").at("stdin"))
        }
        Ok(_) => Ok(line.trim().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Err(Error::interrupted()),
        Err(error) => Err(Error::failed("read the answer").because(error)),
    }
}

pub(super) fn confirm(question: &str, default: bool) -> Result<bool> {
    loop {
        match line(&format!("{question} [{}]: ", if default { "Y/n" } else { "y/N" }))?
            .to_lowercase()
            .as_str()
        {
            "" => return Ok(default),
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => super::super::eprint_text("  Type y or n.\n"),
        }
    }
}

/// The index of the answer; after the items, one for `?`, if there is more to say, and one for `<`.
pub(super) fn choose(question: &Question, items: &[String], default: usize) -> Result<Option<usize>> {
    let mut text = format!("{}\n", question.ask);
    for (at, item) in items.iter().enumerate() {
        text.push_str(&format!("  {}) {item}\n", at + 1));
    }
    let keys = [(!question.more.is_empty(), "? for more"), (question.back, "< to go back")];
    let keys: Vec<&str> = keys.into_iter().filter(|(has, _)| *has).map(|(_, key)| key).collect();
    let keys = if keys.is_empty() { String::new() } else { format!(", {}", keys.join(", ")) };
    super::super::eprint_text(&text);
    loop {
        let typed = line(&format!("1 to {}{keys} [{}]: ", items.len(), default + 1))?;
        if let Some(chosen) = chosen(&typed, question, items, default) {
            return Ok(chosen);
        }
        super::super::eprint_text(&format!("  Type a number from 1 to {}{keys}.\n", items.len()));
    }
}

/// `None`: it is not an answer.
fn chosen(typed: &str, question: &Question, items: &[String], default: usize) -> Option<Option<usize>> {
    match typed {
        "" => Some(Some(default)),
        "?" if !question.more.is_empty() => Some(Some(items.len())),
        "<" => Some(None),
        typed => match typed.parse::<usize>() {
            Ok(number) => (1..=items.len()).contains(&number).then(|| Some(number - 1)),
            // The beginning of an item is as good as its number.
            Err(_) => {
                let typed = typed.to_lowercase();
                let mut found =
                    items.iter().enumerate().filter(|(_, item)| item.to_lowercase().starts_with(&typed));
                let (at, _) = found.next()?;
                found.next().is_none().then_some(Some(at))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_number_the_beginning_of_an_item_or_a_key() {
        let items = ["yes".to_string(), "no".into(), "details".into(), "done".into()];
        let question = Question { more: "more".into(), back: true, ..Question::default() };
        for (typed, expected) in [
            ("", Some(Some(1))),
            ("1", Some(Some(0))),
            ("4", Some(Some(3))),
            ("y", Some(Some(0))),
            ("DE", Some(Some(2))),
            ("?", Some(Some(4))),
            ("<", Some(None)),
            // Two items begin like this.
            ("d", None),
            ("0", None),
            ("5", None),
            ("x", None),
        ] {
            assert_eq!(chosen(typed, &question, &items, 1), expected, "{typed:?}");
        }
        let plain = Question::default();
        assert_eq!(chosen("?", &plain, &items, 0), None, "there is nothing more to say");
    }
}
