// The memory report of the loaded model, in a window of its own.
const find = (selector) => document.querySelector(selector)

function saveAs(name, text) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000) // not before the browser has begun
}

/** modelOf: the model that is loaded, or null. */
export function openOnRequest(modelOf, onError) {
  const dialog = find('#report')
  let facts = null

  find('#report-open').addEventListener('click', async () => {
    const model = modelOf()
    try {
      find('#report-text').textContent = await model.memoryReport()
      facts = await model.memoryReport({ format: 'json' })
      dialog.showModal()
    } catch (error) {
      onError(error)
    }
  })
  find('#report-save').addEventListener('click', () =>
    saveAs('memory-report.json', JSON.stringify(facts, null, 2)),
  )
  find('#report-close').addEventListener('click', () => dialog.close())
  dialog.addEventListener('click', ({ target }) => target === dialog && dialog.close()) // beside it
}
