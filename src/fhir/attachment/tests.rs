mod formats;
mod pdfs;
