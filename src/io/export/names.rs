//! [`Unique`]: names that another program takes, each given once.

use std::collections::HashMap;

/// Gives names, none of them twice.
#[derive(Debug)]
pub(crate) struct Unique {
    /// Each with the number that the next one of that name is tried with.
    taken: HashMap<String, usize>,
    legal: fn(&str) -> String,
}

impl Unique {
    /// With a rule that makes any name one that the format takes.
    pub(crate) fn by(legal: fn(&str) -> String) -> Self {
        Unique { taken: HashMap::new(), legal }
    }

    /// The name as the format takes it, with a number behind it if it has been given.
    pub(crate) fn name(&mut self, wished: &str) -> String {
        let name = (self.legal)(wished);
        let Some(&first) = self.taken.get(&name) else {
            self.taken.insert(name.clone(), 1);
            return name;
        };
        let mut number = first;
        loop {
            let numbered = format!("{name}_{number}");
            number += 1;
            if !self.taken.contains_key(&numbered) {
                self.taken.insert(numbered.clone(), 1);
                self.taken.insert(name, number);
                return numbered;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Unique;

    #[test]
    fn no_name_is_given_twice() {
        let mut names = Unique::by(|name| name.replace(':', "_"));
        assert_eq!(
            ["a:b", "a_b", "a_b_1", "a:b"].map(|name| names.name(name)),
            ["a_b", "a_b_1", "a_b_1_1", "a_b_2"]
        );
    }

    #[test]
    fn many_of_one_name_take_no_longer_each() {
        let mut names = Unique::by(str::to_owned);
        let last = (0..200_000).map(|_| names.name("same")).last();
        assert_eq!(last.as_deref(), Some("same_199999"));
        assert_eq!(names.taken.get("same"), Some(&200_000));
    }
}
