//! [`Unique`]: names that another program takes, each given once.

use std::collections::HashSet;

/// Gives names, none of them twice.
#[derive(Debug)]
pub(crate) struct Unique {
    taken: HashSet<String>,
    legal: fn(&str) -> String,
}

impl Unique {
    /// With a rule that makes any name one that the format takes.
    pub(crate) fn by(legal: fn(&str) -> String) -> Self {
        Unique { taken: HashSet::new(), legal }
    }

    /// The name as the format takes it, with a number behind it if it has been given.
    pub(crate) fn name(&mut self, wished: &str) -> String {
        let name = (self.legal)(wished);
        if self.taken.insert(name.clone()) {
            return name;
        }
        let mut number = 1_usize;
        loop {
            let numbered = format!("{name}_{number}");
            if self.taken.insert(numbered.clone()) {
                return numbered;
            }
            number += 1;
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
}
