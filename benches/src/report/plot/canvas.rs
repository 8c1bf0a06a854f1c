//! A white page on which rectangles and words are put.

use std::path::Path;

use plotters::{
    coord::Shift,
    prelude::{Circle, DrawingArea, IntoDrawingArea, Rectangle, SVGBackend, Text},
    style::{
        Color, IntoFont, RGBColor, TextStyle, WHITE,
        text_anchor::{HPos, Pos, VPos},
    },
};

const INK: RGBColor = RGBColor(40, 40, 40);

pub struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

impl<'a> Canvas<'a> {
    pub fn new(path: &'a Path, width: i32, height: i32) -> Result<Canvas<'a>, String> {
        let area = SVGBackend::new(path, (width as u32, height as u32)).into_drawing_area();
        area.fill(&WHITE).map_err(|error| error.to_string())?;
        Ok(Canvas { area })
    }

    pub fn bar(&self, left: i32, top: i32, width: i32, height: i32, color: RGBColor) -> Result<(), String> {
        let bar = Rectangle::new([(left, top), (left + width.max(1), top + height)], color.filled());
        self.area.draw(&bar).map_err(|error| error.to_string())
    }

    pub fn dot(&self, x: i32, y: i32, radius: i32, color: RGBColor) -> Result<(), String> {
        self.area.draw(&Circle::new((x, y), radius, color.filled())).map_err(|error| error.to_string())
    }

    /// Begins at `left`; `middle` is where its middle is from the top.
    pub fn text(&self, left: i32, middle: i32, text: &str, size: i32) -> Result<(), String> {
        self.write(left, middle, text, size, HPos::Left)
    }

    /// Ends at `right`.
    pub fn text_before(&self, right: i32, middle: i32, text: &str, size: i32) -> Result<(), String> {
        self.write(right, middle, text, size, HPos::Right)
    }

    pub fn text_amid(&self, x: i32, middle: i32, text: &str, size: i32) -> Result<(), String> {
        self.write(x, middle, text, size, HPos::Center)
    }

    fn write(&self, x: i32, y: i32, text: &str, size: i32, side: HPos) -> Result<(), String> {
        let style = TextStyle::from(("sans-serif", size).into_font()).color(&INK).pos(Pos::new(side, VPos::Center));
        self.area.draw(&Text::new(text.to_owned(), (x, y), style)).map_err(|error| error.to_string())
    }

    pub fn finish(self) -> Result<(), String> {
        self.area.present().map_err(|error| error.to_string())
    }
}
