"""Tables, figures and pictures: a file each, with its caption and what it needs of a study."""
