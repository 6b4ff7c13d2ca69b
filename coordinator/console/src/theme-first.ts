// Sets the chosen theme before anything is painted; without a choice the system's holds. Loaded as a plain script in the head.
const chosen = localStorage.getItem('theme');
if (chosen === 'dark' || chosen === 'light') document.documentElement.dataset.theme = chosen;
