// Screen readers should read what the search button shows, its keys included.
for (const button of document.querySelectorAll(".search-button-field")) button.removeAttribute("aria-label");
