"""What customers read: mails and in-product notices, in English and French, as text and as HTML from one source.

Nothing here sends, stores or decides. Whatever comes from outside (a name, a reason) is made inert before it joins a
sentence, and escaped once more when it becomes HTML.
"""
