//! Shell scripts: where their commands begin and end, and what a command's words are. Pure.
//!
//! Only as much as it takes to find one call and to tell whether it runs exactly once with these words. Whatever would
//! need a shell to be understood is an error. `shell-words` splits the words; it knows no expansions and no structure.

use std::collections::BTreeMap;

/// A command at the top level of a script: not in a condition, a loop, a function or a here-document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Command<'a> {
    /// Byte offsets in the script; the line end does not belong to it.
    pub start: usize,
    pub end: usize,
    pub text: &'a str,
    /// Nothing else is on its lines, and its exit status decides about nothing.
    pub alone: bool,
}

/// What the scanner is within.
#[derive(Debug, PartialEq)]
enum Nested {
    DoubleQuotes,
    /// `${`
    Braces,
    /// `(`, or `$(` where it is a word's part.
    Parens {
        substitution: bool,
    },
}

#[derive(Debug, PartialEq)]
enum Block {
    Case,
    Other,
}

struct Scanner<'a> {
    script: &'a str,
    at: usize,
    nested: Vec<Nested>,
    blocks: Vec<Block>,
    /// End lines of here-documents that begin after this line; `true` if tabs before them don't count.
    documents: Vec<(String, bool)>,
    /// The next word is a command's name.
    first_word: bool,
    /// The next word is a function's name.
    function: bool,
    /// The command at the top level that began here.
    start: Option<usize>,
    /// Nothing but white space is before the command on its line.
    own_line: bool,
    found: Vec<Command<'a>>,
}

/// The commands at the top level. The error says in which line the script can't be understood.
pub(super) fn commands(script: &str) -> Result<Vec<Command<'_>>, String> {
    let mut scanner = Scanner {
        script,
        at: 0,
        nested: Vec::new(),
        blocks: Vec::new(),
        documents: Vec::new(),
        first_word: true,
        function: false,
        start: None,
        own_line: true,
        found: Vec::new(),
    };
    scanner.scan().ok_or_else(|| {
        let line = script.get(..scanner.at).unwrap_or(script).lines().count().max(1);
        format!("its structure is not understood after line {line}")
    })?;
    Ok(scanner.found)
}

impl<'a> Scanner<'a> {
    fn byte(&self, ahead: usize) -> Option<u8> {
        self.script.as_bytes().get(self.at + ahead).copied()
    }

    /// Moves behind the next occurrence of a byte that no backslash escapes.
    fn skip_past(&mut self, wanted: u8, escapes: bool) -> Option<()> {
        loop {
            let byte = self.byte(0)?;
            self.at += if escapes && byte == b'\\' { 2 } else { 1 };
            if byte == wanted {
                return Some(());
            }
        }
    }

    /// `None` where the script can't be understood.
    fn scan(&mut self) -> Option<()> {
        while let Some(byte) = self.byte(0) {
            let in_quotes = self.nested.last() == Some(&Nested::DoubleQuotes);
            let in_word = in_quotes || self.nested.last() == Some(&Nested::Braces);
            if !byte.is_ascii_whitespace() && !b";&|#".contains(&byte) {
                self.begin();
            }
            match (byte, self.byte(1)) {
                (b'\\', _) => self.at += 2,
                (b'"', _) if in_quotes => {
                    self.nested.pop();
                    self.word_part(1);
                }
                (b'"', _) => {
                    self.nested.push(Nested::DoubleQuotes);
                    self.word_part(1);
                }
                (b'\'', _) if !in_quotes => {
                    let ansi = self.at > 0 && self.script.as_bytes()[self.at - 1] == b'$';
                    self.word_part(1);
                    self.skip_past(b'\'', ansi)?;
                }
                (b'`', _) => {
                    self.word_part(1);
                    self.skip_past(b'`', true)?;
                }
                (b'$', Some(b'(')) if self.byte(2) == Some(b'(') => {
                    self.word_part(1);
                    self.arithmetic()?;
                }
                (b'$', Some(b'(')) => {
                    self.word_part(2);
                    self.nested.push(Nested::Parens { substitution: true });
                    self.first_word = true;
                }
                (b'$', Some(b'{')) => {
                    self.word_part(2);
                    self.nested.push(Nested::Braces);
                }
                (b'}', _) if self.nested.last() == Some(&Nested::Braces) => {
                    self.nested.pop();
                    self.word_part(1);
                }
                _ if in_word => self.at += 1,
                (b'(', Some(b'(')) => self.arithmetic()?,
                (b'(', _) => {
                    self.nested.push(Nested::Parens { substitution: false });
                    self.first_word = true;
                    self.at += 1;
                }
                (b')', _) => self.close()?,
                (b'#', _) if self.at_word_start() => {
                    while self.byte(0).is_some_and(|byte| byte != b'\n') {
                        self.at += 1;
                    }
                }
                (b'<', Some(b'<')) if self.byte(2) == Some(b'<') => self.at += 3,
                (b'<', Some(b'<')) => self.document()?,
                (b'\n', _) => {
                    self.end(true);
                    self.at += 1;
                    self.skip_documents()?;
                }
                (b'&', next) if next == Some(b'>') || self.after_redirection() => self.at += 1,
                (b';' | b'&' | b'|', _) => {
                    self.end(false);
                    self.at += 1;
                }
                (b' ' | b'\t' | b'\r' | b'<' | b'>' | b'$', _) => self.at += 1,
                _ => self.word()?,
            }
        }
        self.at = self.script.len();
        self.end(true);
        let complete = self.nested.is_empty() && self.blocks.is_empty() && self.documents.is_empty();
        complete.then_some(())
    }

    fn at_top(&self) -> bool {
        self.nested.is_empty() && self.blocks.is_empty()
    }

    /// A command begins here, unless one has begun.
    fn begin(&mut self) {
        if self.start.is_none() && self.at_top() {
            self.start = Some(self.at);
        }
    }

    /// The command ends here.
    fn end(&mut self, line: bool) {
        self.first_word = true;
        if !self.at_top() {
            return;
        }
        if let Some(start) = self.start.take()
            && let Some(text) = self.script.get(start..self.at)
        {
            let text = text.trim_end();
            let alone = self.own_line && line;
            self.found.push(Command { start, end: start + text.len(), text, alone });
        }
        self.own_line = line;
    }

    fn word_part(&mut self, bytes: usize) {
        self.first_word = false;
        self.at += bytes;
    }

    fn at_word_start(&self) -> bool {
        let mut before = &self.script.as_bytes()[..self.at];
        while let Some((last, rest)) = before.split_last() {
            let backslashes = rest.iter().rev().take_while(|byte| **byte == b'\\').count();
            match (backslashes % 2 == 1, last) {
                // The line goes on: a shell removes both.
                (true, b'\n') => before = &rest[..rest.len() - 1],
                (true, _) => return false,
                (false, last) => return b" \t\r\n;&|(".contains(last),
            }
        }
        true
    }

    fn after_redirection(&self) -> bool {
        self.at > 0 && b"<>".contains(&self.script.as_bytes()[self.at - 1])
    }

    fn close(&mut self) -> Option<()> {
        match self.nested.last() {
            Some(Nested::Parens { substitution }) => {
                // After `name()` and after a subshell a command may follow, after a substitution the same word goes on.
                self.first_word = !substitution;
                self.nested.pop();
            }
            // The end of a pattern.
            None if self.blocks.last() == Some(&Block::Case) => self.first_word = true,
            _ => return None,
        }
        self.at += 1;
        Some(())
    }

    /// Moves behind `((…))`.
    fn arithmetic(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.byte(0)? {
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                self.first_word = false;
                return Some(());
            }
        }
    }

    /// Notes the here-document that `<<` announces.
    fn document(&mut self) -> Option<()> {
        self.at += 2;
        let tabs = self.byte(0) == Some(b'-');
        self.at += usize::from(tabs);
        let rest = self.script.get(self.at..)?;
        let word = rest.trim_start_matches([' ', '\t']);
        let length =
            word.find([' ', '\t', '\r', '\n', ';', '&', '|', '<', '>', '(', ')']).unwrap_or(word.len());
        let end: String = word[..length].chars().filter(|character| !"'\"\\".contains(*character)).collect();
        self.at += rest.len() - word.len() + length;
        self.documents.push((end, tabs));
        Some(())
    }

    fn skip_documents(&mut self) -> Option<()> {
        for (end, tabs) in std::mem::take(&mut self.documents) {
            loop {
                let rest = self.script.get(self.at..).filter(|rest| !rest.is_empty())?;
                let line = rest.split_inclusive('\n').next()?;
                self.at += line.len();
                let line = line.trim_end_matches(['\r', '\n']);
                if (if tabs { line.trim_start_matches('\t') } else { line }) == end {
                    break;
                }
            }
        }
        Some(())
    }

    /// A word, or a word's unquoted beginning.
    fn word(&mut self) -> Option<()> {
        let starts = self.at_word_start();
        let rest = self.script.get(self.at..)?;
        let length = rest.find(|c: char| " \t\r\n;&|()<>\"'`\\$".contains(c)).unwrap_or(rest.len()).max(1);
        let word = rest.get(..length)?;
        self.at += length;
        let whole = !self.byte(0).is_some_and(|byte| b"\"'`\\$".contains(&byte));
        if std::mem::take(&mut self.function) {
            self.first_word = true;
            return Some(());
        }
        if !(self.first_word && starts && whole) {
            // `NAME=value` may be followed by the command.
            self.first_word = self.first_word && word.contains('=') && whole;
            return Some(());
        }
        self.first_word = match word {
            "if" | "while" | "until" | "{" => {
                self.blocks.push(Block::Other);
                true
            }
            "for" | "select" => {
                self.blocks.push(Block::Other);
                false
            }
            "case" => {
                self.blocks.push(Block::Case);
                false
            }
            "then" | "do" | "else" | "elif" | "!" | "time" => true,
            "function" => {
                self.function = true;
                false
            }
            "fi" | "done" | "}" => {
                (self.blocks.pop()? == Block::Other).then_some(())?;
                false
            }
            "esac" => {
                (self.blocks.pop()? == Block::Case).then_some(())?;
                false
            }
            _ => word.contains('='),
        };
        Some(())
    }
}

/// The words of a command, with the variables that are known. The error says what only a shell understands.
pub(super) fn words(command: &str, variables: &BTreeMap<&str, String>) -> Result<Vec<String>, String> {
    let mut text = String::new();
    let mut quote = None;
    let mut in_word = false;
    let mut characters = command.chars().peekable();
    while let Some(character) = characters.next() {
        let at_start = !in_word;
        in_word = quote.is_some() || !character.is_whitespace();
        match (quote, character) {
            (Some('\''), '\'') => quote = None,
            (Some('\''), _) => {}
            (Some('"'), '"') => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (_, '\\') if characters.next_if_eq(&'\n').is_some() => {
                // The line goes on: a shell removes both.
                in_word = !at_start;
                continue;
            }
            (_, '\\') => {
                text.push(character);
                text.extend(characters.next());
                continue;
            }
            (_, '$') => {
                text.push_str(variable(&mut characters, variables)?);
                continue;
            }
            (_, '`') => return Err("it has a command substitution".into()),
            (Some(_), _) => {}
            (None, '#') if at_start => break,
            (None, '<' | '>' | '|' | '&' | ';' | '(' | ')' | '*' | '?' | '[' | '{') => {
                return Err(format!("a shell would interpret {character:?}"));
            }
            (None, '~') if at_start => return Err("a shell would interpret '~'".into()),
            (None, _) => {}
        }
        text.push(character);
    }
    shell_words::split(&text).map_err(|_| "a quote is not closed".into())
}

/// The value of `$NAME` or `${NAME}`.
fn variable<'a>(
    characters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    variables: &'a BTreeMap<&str, String>,
) -> Result<&'a str, String> {
    let braces = characters.next_if_eq(&'{').is_some();
    let mut name = String::new();
    while let Some(character) = characters.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
        name.push(character);
    }
    if !is_name(&name) || (braces && characters.next() != Some('}')) {
        return Err("it has an expansion that only a shell can do".into());
    }
    let value = variables.get(name.as_str()).ok_or_else(|| format!("the value of ${name} is not known"))?;
    // Any other character could end the word or the quotes around it.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+".contains(c);
    if value.chars().all(plain) {
        Ok(value)
    } else {
        Err(format!("the value of ${name} is more than a word"))
    }
}

/// `NAME=value` with a value that needs no shell.
pub(super) fn assignment(command: &str) -> Option<(&str, String)> {
    let (name, value) = command.split_once('=')?;
    let words = words(value, &BTreeMap::new()).ok()?;
    let value = match words.as_slice() {
        [] => String::new(),
        [one] if !value.starts_with(char::is_whitespace) => one.clone(),
        _ => return None,
    };
    is_name(name).then_some((name, value))
}

/// How often a variable's name is a word of a text.
pub(super) fn mentions(text: &str, name: &str) -> usize {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_part(c)).filter(|word| *word == name).count()
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests;
