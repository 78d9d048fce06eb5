// Runs before the first paint: marks that script is there and applies the chosen theme, so that nothing flashes.
(function () {
  const root = document.documentElement;
  root.classList.add("has-script");
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // Storage may be forbidden; the system's theme holds.
  }
})();
