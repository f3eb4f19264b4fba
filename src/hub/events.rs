//! Waiting for a word in a stream of events.

use std::time::Duration;

use tokio::time::timeout;

use super::http::Repeat;
use super::{HubError, HubHttp};

impl HubHttp {
    /// Gets a stream of events and reads it until `word` came, and answers whether it did: not when the stream ends, `cap_bytes`
    /// came or `limit` is over before. Such a stream cannot be gone on with: where it breaks, it is asked for anew.
    ///
    /// # Errors
    /// [`HubError`].
    pub async fn wait_for_word(
        &self,
        path: &str,
        word: &str,
        cap_bytes: usize,
        limit: Duration,
    ) -> Result<bool, HubError> {
        let url = self.url(path)?;
        let waiting = self.patiently(Repeat::Always, || async {
            let mut response = self.open(&url, None).await?;
            // The last bytes that came, in which the word may have begun, and how many came before them.
            let (mut last, mut before) = (Vec::new(), 0);
            while before + last.len() <= cap_bytes {
                let Some(chunk) = self.next_chunk(&url, &mut response).await? else { return Ok(false) };
                last.extend_from_slice(&chunk);
                if last.windows(word.len()).any(|bytes| bytes == word.as_bytes()) {
                    return Ok(true);
                }
                let old = last.len().saturating_sub(word.len());
                last.drain(..old);
                before += old;
            }
            Ok(false)
        });
        timeout(limit, waiting).await.unwrap_or(Ok(false))
    }
}
