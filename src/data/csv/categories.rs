//! Categories: texts that stand for numbers.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::error::CsvFault;
use crate::quote::excerpt;

/// Categories of a column at most: a text of its own in nearly every row is no category. Every type of numbers has as
/// many whole ones.
const MOST: usize = 1 << 16;

/// The categories of a column.
#[derive(Debug, Default)]
pub(super) struct Categories {
    /// In the order in which they were met, or that of the encoding that they are of.
    texts: Vec<String>,
    numbers: HashMap<String, usize>,
    /// Whether there are no others.
    are_fixed: bool,
}

impl Categories {
    /// Those of an encoding, and no others.
    pub(super) fn fixed(texts: &[String]) -> Self {
        let numbers = texts.iter().cloned().zip(0..).collect();
        Categories { texts: texts.to_vec(), numbers, are_fixed: true }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    /// The number of a category.
    pub(super) fn number(&mut self, field: &[u8]) -> Result<usize, CsvFault> {
        let text = String::from_utf8_lossy(field);
        if let Some(&number) = self.numbers.get(&*text) {
            return Ok(number);
        }
        if self.are_fixed {
            let known = self.texts.iter().take(crate::quote::list::LISTED).cloned().collect();
            let (text, categories) = (excerpt(field).into(), self.texts.len());
            return Err(CsvFault::UnknownCategory { text, known, categories });
        }
        if self.texts.len() == MOST {
            return Err(CsvFault::TooManyCategories { limit: MOST });
        }
        self.numbers.insert(text.clone().into_owned(), self.texts.len());
        self.texts.push(text.into_owned());
        Ok(self.texts.len() - 1)
    }

    /// Forgets those beyond the first so many, which were met in a row that is left out.
    pub(super) fn truncate(&mut self, count: usize) {
        for text in self.texts.drain(count..) {
            self.numbers.remove(&text);
        }
    }

    /// The categories in their order, and the place of each number in it. Those of an encoding stay as they are.
    pub(super) fn in_order(self) -> (Vec<String>, Vec<usize>) {
        let mut order: Vec<usize> = (0..self.texts.len()).collect();
        if !self.are_fixed {
            let numbers: Option<Vec<f64>> = self.texts.iter().map(|text| number(text)).collect();
            order.sort_by(|&a, &b| {
                let by_number = numbers.as_ref().map_or(Ordering::Equal, |of| of[a].total_cmp(&of[b]));
                by_number.then_with(|| self.texts[a].cmp(&self.texts[b]))
            });
        }
        let mut places = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, &number)| places[number] = place);
        (order.into_iter().map(|number| self.texts[number].clone()).collect(), places)
    }
}

/// The number that a text says.
fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}
