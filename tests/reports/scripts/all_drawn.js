// Walks down the page until every chart has been drawn.
new Promise((done, fail) => {
  let at = 0;
  const ends = Date.now() + 50000;
  const walk = () => {
    if ([...document.querySelectorAll("[data-figure]")].every((node) => node.dataset.drawn)) return done(true);
    if (Date.now() > ends) return fail(new Error("a chart was not drawn"));
    at = at > document.documentElement.scrollHeight ? 0 : at + 700;
    scrollTo({ top: at, behavior: "instant" });
    setTimeout(walk, 60);
  };
  walk();
})
