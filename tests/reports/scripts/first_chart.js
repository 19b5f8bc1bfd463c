// Milliseconds from the start of the navigation until the first chart stands.
new Promise((done) => {
  const look = () => (document.querySelector("#chart-coverage .main-svg") ? done(performance.now()) : setTimeout(look, 5));
  look();
})
