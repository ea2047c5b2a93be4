"""Scripts that say what the older dashboards show; they use what `HELPERS` of the browser's fixtures has."""

# Each row of the table as {column: text}; columns that were ticked later come last in the page, whatever their place.
ROWS = """const cells = all('vaadin-grid-cell-content').filter(shown), rows = new Map(), columns = new Map();
const [left, top] = ['left', 'top'].map(
    side => cell => Math.round(cell.assignedSlot.closest('th, td').getBoundingClientRect()[side]));
for (const cell of cells.filter(cell => cell.querySelector('.table-header'))) columns.set(left(cell), text(cell));
for (const cell of cells.filter(cell => !cell.querySelector('.table-header'))) {
    if (!rows.has(top(cell))) rows.set(top(cell), {});
    rows.get(top(cell))[columns.get(left(cell))] = text(cell);
}
return [...rows.values()]"""
# [run, tag, address of the picture if it is loaded, how many steps the slider has if there is one] of each card.
# A person would open each group, and go through its pages.
PICTURES = """for (const group of all('tf-category-paginated-view')) {
    group._limit = 100;
    if (!group.opened) group._togglePane();
}
return all('tf-image-loader').map(card => {
    const [picture] = all('img', card.shadowRoot), [slider] = all('paper-slider', card.shadowRoot).filter(shown);
    return [card.run, card.tag, picture?.naturalWidth > 0 ? picture.src : '', slider ? slider.max - slider.min + 1 : 1];
})"""
# [title, [what the legend names], how many lines are drawn] of each chart; a line has a smooth and a faint part.
CHARTS = """return all('tf-custom-scalar-multi-line-chart-card').map(card => [
    card.shadowRoot.querySelector('tf-card-heading').displayName,
    all('.match-list-entry', card.shadowRoot).map(e => text(e).replace(/^\\S+ /, '')).sort(),
    new Set(all('path.line', card.shadowRoot).map(e => e.getAttribute('d')).filter(d => d?.length > 30)).size / 2])"""
# A person would open each group, and go through its pages. [run, tag, its text, its table's cells] of each card.
TEXTS = """for (const group of all('tf-category-paginated-view')) {
    group._limit = 100;
    if (!group.opened) group._togglePane();
}
return all('tf-text-loader').map(card => [card.run, card.tag,
    all('#markdown', card.shadowRoot).map(text).join(' ').trim(), all('td', card.shadowRoot).map(text)])"""
