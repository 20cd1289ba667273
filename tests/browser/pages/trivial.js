const at = (id) => document.getElementById(id)
at('greet').addEventListener('click', () => {
  console.log('greeting', at('name').value)
  setTimeout(() => {
    at('answer').textContent = `Hello ${at('name').value}`
  }, 100)
})
at('amount').addEventListener('input', () => {
  at('answer').textContent = `amount ${at('amount').value}`
})
at('file').addEventListener('change', async () => {
  at('answer').textContent = `${at('file').files[0].size} bytes`
})
